// Raw frames on one interface.
package main

import (
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// frames is an AF_PACKET socket bound to one interface.
type frames struct {
	fd    int
	iface *net.Interface
}

func bigEndian(number uint16) uint16 { return number<<8 | number>>8 }

func openFrames(iface *net.Interface, ethertype uint16) (*frames, error) {
	// Nothing is received before the bind: a socket without a protocol is deaf.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := &frames{fd: fd, iface: iface}
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: bigEndian(ethertype), Ifindex: iface.Index}); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return f, nil
}

func (f *frames) close() { unix.Close(f.fd) }

func (f *frames) promiscuous() error {
	request := unix.PacketMreq{Ifindex: int32(f.iface.Index), Type: unix.PACKET_MR_PROMISC}
	return unix.SetsockoptPacketMreq(f.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP, &request)
}

func (f *frames) send(frame []byte) error {
	return unix.Sendto(f.fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: f.iface.Index})
}

// next waits at most that long for a frame; no frame is no error. The size is the frame's own, also when the buffer is
// smaller; the time is the kernel's.
func (f *frames) next(buffer, control []byte, patience time.Duration) (size int, at time.Time, err error) {
	poll := []unix.PollFd{{Fd: int32(f.fd), Events: unix.POLLIN}}
	ready, err := unix.Poll(poll, int(max(patience.Milliseconds(), 0)))
	if err == unix.EINTR || (err == nil && ready == 0) {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, err
	}
	size, controlSize, _, _, err := unix.Recvmsg(f.fd, buffer, control, unix.MSG_DONTWAIT|unix.MSG_TRUNC)
	if err == unix.EAGAIN || err == unix.EINTR {
		return 0, time.Time{}, nil
	}
	if err != nil {
		return 0, time.Time{}, err
	}
	return size, timeOf(control[:controlSize]), nil
}

func timeOf(control []byte) time.Time {
	messages, err := unix.ParseSocketControlMessage(control)
	if err == nil {
		for _, message := range messages {
			if message.Header.Type == unix.SCM_TIMESTAMPNS && len(message.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
				stamp := *(*unix.Timespec)(unsafe.Pointer(&message.Data[0]))
				return time.Unix(stamp.Unix())
			}
		}
	}
	return time.Now()
}

// drops is how many frames the kernel had no room for, since the last question.
func (f *frames) drops() uint32 {
	statistics, err := unix.GetsockoptTpacketStats(f.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	if err != nil {
		return 0
	}
	return statistics.Drops
}
