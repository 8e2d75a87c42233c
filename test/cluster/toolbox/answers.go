// Who answers for which address on the LAN, and behind which port of its switch. Each address is asked for again and again; a question
// carries a number that comes back in the answers, so that two answers to one question are two holders at one moment.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Sender of the questions: locally administered, the last two octets are the question's number.
var askerPrefix = []byte{0x02, 0x4d, 0xff, 0xff}

// answer is one holder, as the LAN sees it.
type answer struct {
	Port string `json:"port"`
	MAC  string `json:"mac"`
}

type answersLine struct {
	Time    float64  `json:"t"`
	Event   string   `json:"event"`
	Address string   `json:"address,omitempty"`
	Answers []answer `json:"answers,omitempty"`
	Asked   int      `json:"asked,omitempty"`
	Frames  int      `json:"frames,omitempty"`
	Drops   uint32   `json:"drops,omitempty"`
}

// question is what is known of an address: the answers to its last question, and who answered before.
type question struct {
	number  uint16
	answers []answer
	known   []answer
	told    bool
}

type witness struct {
	socket *frames
	bridge *net.Interface
	ports  map[int]string
	asked  map[netip.Addr]*question
	sightings
	number uint16
	count  int
	frames int
	lines  *json.Encoder
}

func answers(ctx context.Context, args []string) error {
	flags := newOptions()
	name := flags.String("bridge", "", "")
	out := flags.String("out", "-", "")
	from := flags.String("from", "", "")
	to := flags.String("to", "", "")
	every := flags.seconds("every", time.Second)
	if _, err := flags.parse(args, 0); err != nil {
		return err
	}
	first, err := netip.ParseAddr(*from)
	if err != nil {
		return wrongUsage("--from: %v", err)
	}
	last, err := netip.ParseAddr(*to)
	if err != nil {
		return wrongUsage("--to: %v", err)
	}
	bridge, err := net.InterfaceByName(*name)
	if err != nil {
		return err
	}
	file, err := openOutput(*out)
	if err != nil {
		return err
	}
	defer file.Close()
	socket, err := openFrames(&net.Interface{}, unix.ETH_P_ALL) // index 0: every port, also those that are plugged in later
	if err != nil {
		return err
	}
	defer socket.close()
	w := &witness{socket: socket, bridge: bridge, ports: map[int]string{}, asked: map[netip.Addr]*question{}, sightings: newSightings(), lines: json.NewEncoder(file)}
	var all []netip.Addr
	for each := first; each.Compare(last) <= 0; each = each.Next() {
		all = append(all, each)
		w.asked[each] = &question{}
	}
	if err := w.lines.Encode(answersLine{Time: stamp(time.Now()), Event: "start"}); err != nil {
		return err
	}
	return w.run(ctx, all, *every)
}

// run asks for one address after the other, all of them once per `every`, and listens in between.
func (w *witness) run(ctx context.Context, all []netip.Addr, every time.Duration) error {
	pause := every / time.Duration(len(all))
	next := time.Now()
	for at := 0; ctx.Err() == nil; {
		if now := time.Now(); !now.Before(next) {
			if err := w.ask(all[at%len(all)]); err != nil {
				return err
			}
			at++
			next = next.Add(pause)
			if now.Sub(next) > every {
				next = now // the machine was busy: what was missed is not made up for
			}
		}
		if err := w.listen(time.Until(next)); err != nil {
			return err
		}
	}
	return w.lines.Encode(answersLine{Time: stamp(time.Now()), Event: "end", Asked: w.count, Frames: w.frames, Drops: w.socket.drops()})
}

// ask closes the question before: who answered it is news when it was somebody else than last time.
func (w *witness) ask(address netip.Addr) error {
	one := w.asked[address]
	if !slices.Equal(one.answers, one.known) {
		one.known = one.answers
		if err := w.lines.Encode(answersLine{Time: stamp(time.Now()), Event: "answered", Address: address.String(), Answers: one.answers}); err != nil {
			return err
		}
	}
	w.number++
	w.count++
	one.number, one.answers, one.told = w.number, nil, false
	asker := binary.BigEndian.AppendUint16(slices.Clone(askerPrefix), w.number)
	frame := whoHas(w.bridge, net.IP(address.AsSlice()))
	copy(frame[6:], asker)
	copy(frame[22:], asker)
	copy(frame[28:], net.IPv4zero.To4()) // a probe: nobody learns anything from it
	err := unix.Sendto(w.socket.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: w.bridge.Index})
	if err == unix.ENOBUFS || err == unix.ENETDOWN {
		return nil
	}
	return err
}

func (w *witness) listen(patience time.Duration) error {
	poll := []unix.PollFd{{Fd: int32(w.socket.fd), Events: unix.POLLIN}}
	ready, err := unix.Poll(poll, int(max(patience.Milliseconds(), 0)))
	if err == unix.EINTR || (err == nil && ready == 0) {
		return nil
	}
	if err != nil {
		return err
	}
	buffer := make([]byte, snapLength)
	for {
		size, from, err := unix.Recvfrom(w.socket.fd, buffer, unix.MSG_DONTWAIT)
		if err == unix.EAGAIN || err == unix.EINTR {
			return nil
		}
		if err == unix.ENETDOWN {
			continue // a port was pulled out
		}
		if err != nil {
			return err
		}
		link, ok := from.(*unix.SockaddrLinklayer)
		if !ok || link.Pkttype == unix.PACKET_OUTGOING || link.Ifindex == w.bridge.Index {
			continue
		}
		if err := w.take(buffer[:size], link.Ifindex); err != nil {
			return err
		}
	}
}

func (w *witness) portOf(index int) string {
	name, found := w.ports[index]
	if !found {
		if link, err := net.InterfaceByIndex(index); err == nil {
			name = link.Name
		}
		w.ports[index] = name
	}
	return name
}

func (w *witness) take(data []byte, index int) error {
	if len(data) < ethernet {
		return nil
	}
	w.frames++
	port, now := w.portOf(index), time.Now()
	mac := net.HardwareAddr(data[6:12]).String()
	if places := w.seen(mac, port, now); places != nil {
		if err := w.twice(mac, answersAt(places, mac)); err != nil {
			return err
		}
	}
	arp := decodeARP(data)
	if arp == nil || arp.Op != "reply" {
		return nil
	}
	asker, err := net.ParseMAC(arp.TargetMAC)
	address, problem := netip.ParseAddr(arp.SenderIP)
	if err != nil || problem != nil || !slices.Equal(asker[:4], askerPrefix) {
		return nil
	}
	one := w.asked[address]
	// A late answer to an earlier question says nothing about now.
	if one == nil || one.number != binary.BigEndian.Uint16(asker[4:]) {
		return nil
	}
	if got := (answer{Port: port, MAC: arp.SenderMAC}); !slices.Contains(one.answers, got) {
		one.answers = append(one.answers, got)
	}
	if len(one.answers) > 1 && !one.told {
		one.told = true
		return w.twice(address.String(), one.answers)
	}
	return nil
}

func (w *witness) twice(address string, answers []answer) error {
	return w.lines.Encode(answersLine{Time: stamp(time.Now()), Event: "twice", Address: address, Answers: answers})
}
