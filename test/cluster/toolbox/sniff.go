// The witness of the LAN: every frame on an interface becomes one line, and what was missed is counted.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

const (
	snapLength = 256
	flushEvery = 200 * time.Millisecond
)

// sniffEdge is the first line, when the socket is open, and the last one with the counts.
type sniffEdge struct {
	Time   float64 `json:"t"`
	Event  string  `json:"event"`
	Iface  string  `json:"iface"`
	Frames *uint64 `json:"frames,omitempty"`
	Drops  *uint64 `json:"drops,omitempty"`
}

func sniff(ctx context.Context, args []string) error {
	flags := newOptions()
	name := flags.String("iface", "", "")
	out := flags.String("out", "", "")
	seconds := flags.seconds("seconds", 0)
	if _, err := flags.parse(args, 0); err != nil {
		return err
	}
	if *name == "" || *out == "" {
		return wrongUsage("--iface and --out are needed")
	}
	iface, err := net.InterfaceByName(*name)
	if err != nil {
		return err
	}
	file, err := openOutput(*out)
	if err != nil {
		return err
	}
	defer file.Close()
	socket, err := openFrames(iface, unix.ETH_P_ALL)
	if err != nil {
		return err
	}
	defer socket.close()
	if err := socket.promiscuous(); err != nil {
		return err
	}
	if *seconds > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, *seconds)
		defer cancel()
	}
	return record(ctx, socket, file)
}

func stamp(at time.Time) float64 { return float64(at.UnixMicro()) / 1e6 }

// record writes until the context ends, then what is still in the socket, then the counts.
func record(ctx context.Context, socket *frames, file io.Writer) error {
	writer := bufio.NewWriterSize(file, 1<<20)
	lines := json.NewEncoder(writer)
	lines.SetEscapeHTML(false)
	if err := errors.Join(lines.Encode(sniffEdge{Time: stamp(time.Now()), Event: "start", Iface: socket.iface.Name}), writer.Flush()); err != nil {
		return err
	}
	var seen, lost uint64
	flushed := time.Now()
	buffer, control := make([]byte, snapLength), make([]byte, 128)
	for {
		ending := ctx.Err() != nil
		patience := flushEvery
		if ending {
			patience = 0
		}
		size, at, err := socket.next(buffer, control, patience)
		if err != nil && !errors.Is(err, unix.ENETDOWN) {
			return err
		}
		if size > 0 {
			seen++
			one := decode(buffer[:min(size, len(buffer))], size)
			one.Time = stamp(at)
			if err := lines.Encode(one); err != nil {
				return err
			}
		} else if ending {
			break
		}
		if time.Since(flushed) > flushEvery {
			flushed, lost = time.Now(), lost+uint64(socket.drops())
			if err := writer.Flush(); err != nil {
				return err
			}
		}
	}
	lost += uint64(socket.drops())
	return errors.Join(
		lines.Encode(sniffEdge{Time: stamp(time.Now()), Event: "end", Iface: socket.iface.Name, Frames: &seen, Drops: &lost}),
		writer.Flush(),
	)
}
