// Who has which address on the LAN, asked from the kernel: the macvlan links in all network namespaces of the given nodes, again and
// again. That an address is there twice is only said of links that were there at one and the same moment.
package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	attributeLinkInfo = 18 // IFLA_LINKINFO
	attributeKind     = 1  // IFLA_INFO_KIND
	nested            = 0x3fff
)

// heldLink is one macvlan link, and where it is.
type heldLink struct {
	Key   string   `json:"key"`
	Node  string   `json:"node"`
	Place string   `json:"place"`
	Index int      `json:"index"`
	Name  string   `json:"name"`
	MAC   string   `json:"mac"`
	Up    bool     `json:"up"`
	IPs   []string `json:"ips"`
}

// holdersLine is a change of what is held (links that are new or others than before, and keys of those that are gone), an address that was held twice, or (at the end) how often was looked.
type holdersLine struct {
	Time    float64    `json:"t"`
	Event   string     `json:"event"`
	Links   []heldLink `json:"links,omitempty"`
	Gone    []string   `json:"gone,omitempty"`
	Address string     `json:"address,omitempty"`
	Looks   int        `json:"looks,omitempty"`
	Longest float64    `json:"longest,omitempty"`
}

func holders(ctx context.Context, args []string) error {
	flags := newOptions()
	out := flags.String("out", "-", "")
	every := flags.seconds("every", 200*time.Millisecond)
	nodes, err := flags.parse(args, -1)
	if err != nil {
		return err
	}
	if len(nodes) == 0 {
		return wrongUsage("NODE=FOLDER is needed: where a node keeps its pods' network namespaces")
	}
	file, err := openOutput(*out)
	if err != nil {
		return err
	}
	defer file.Close()
	// This thread goes from namespace to namespace; nothing else may run on it.
	runtime.LockOSThread()
	return watchHolders(ctx, nodes, *every, json.NewEncoder(file))
}

func watchHolders(ctx context.Context, nodes []string, every time.Duration, lines *json.Encoder) error {
	before := map[string]heldLink{}
	var looks int
	var longest time.Duration
	told := map[string]bool{}
	for ctx.Err() == nil {
		started := time.Now()
		links := lookEverywhere(nodes)
		looks++
		longest = max(longest, time.Since(started))
		if line := changes(before, links, started); len(line.Links)+len(line.Gone) > 0 {
			if err := lines.Encode(line); err != nil {
				return err
			}
		}
		for _, twice := range heldTwice(links) {
			key := twice.Address + twice.Links[0].Key + twice.Links[1].Key
			// The first of the two may have gone before the second came: it has to be there still.
			if told[key] || !isStillThere(nodes, twice.Links[0], twice.Address) {
				continue
			}
			told[key] = true
			if err := lines.Encode(twice); err != nil {
				return err
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(max(every-time.Since(started), every/4)):
		}
	}
	return lines.Encode(holdersLine{Time: stamp(time.Now()), Event: "end", Looks: looks, Longest: longest.Seconds()})
}

// changes brings `before` up to date.
func changes(before map[string]heldLink, links []heldLink, now time.Time) holdersLine {
	line := holdersLine{Time: stamp(now), Event: "held"}
	there := map[string]bool{}
	for _, link := range links {
		there[link.Key] = true
		if other, found := before[link.Key]; !found || !isSame(other, link) {
			before[link.Key] = link
			line.Links = append(line.Links, link)
		}
	}
	for key := range before {
		if !there[key] {
			delete(before, key)
			line.Gone = append(line.Gone, key)
		}
	}
	return line
}

func isSame(a, b heldLink) bool {
	return a.MAC == b.MAC && a.Up == b.Up && a.Name == b.Name && a.Place == b.Place && slices.Equal(a.IPs, b.IPs)
}

// heldTwice gives pairs of links in the order in which they were looked at.
func heldTwice(links []heldLink) []holdersLine {
	var all []holdersLine
	first := map[string]heldLink{}
	for _, link := range links {
		for _, address := range append([]string{link.MAC}, link.IPs...) {
			if other, found := first[address]; found && other.Key != link.Key {
				all = append(all, holdersLine{Time: stamp(time.Now()), Event: "twice", Address: address, Links: []heldLink{other, link}})
			}
			first[address] = link
		}
	}
	return all
}

func isStillThere(nodes []string, wanted heldLink, address string) bool {
	return slices.ContainsFunc(lookEverywhere(nodes), func(link heldLink) bool {
		return link.Key == wanted.Key && (link.MAC == address || slices.Contains(link.IPs, address))
	})
}

func lookEverywhere(nodes []string) []heldLink {
	links := []heldLink{}
	seen := map[uint64]bool{}
	for _, node := range nodes {
		name, folder, _ := strings.Cut(node, "=")
		paths, _ := filepath.Glob(filepath.Join(folder, "*"))
		for _, path := range paths {
			found, inode := lookInside(path, seen)
			for _, link := range found {
				link.Key = fmt.Sprintf("%d/%d", inode, link.Index)
				link.Node, link.Place = name, filepath.Base(path)
				links = append(links, link)
			}
		}
	}
	return links
}

// lookInside opens the namespace for as long as one look takes: a held descriptor would keep a dead pod's link alive.
func lookInside(path string, seen map[uint64]bool) ([]heldLink, uint64) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, 0
	}
	defer unix.Close(fd)
	var stat unix.Stat_t
	// A name without a namespace behind it: it is being made, or was left over.
	if unix.Fstat(fd, &stat) != nil || seen[stat.Ino] || unix.Setns(fd, unix.CLONE_NEWNET) != nil {
		return nil, 0
	}
	seen[stat.Ino] = true
	return macvlanLinks(), stat.Ino
}

func macvlanLinks() []heldLink {
	data, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return nil
	}
	messages, err := syscall.ParseNetlinkMessage(data)
	if err != nil {
		return nil
	}
	var links []heldLink
	for _, message := range messages {
		if message.Header.Type != syscall.RTM_NEWLINK || len(message.Data) < syscall.SizeofIfInfomsg {
			continue
		}
		attributes, err := syscall.ParseNetlinkRouteAttr(&message)
		if err != nil {
			continue
		}
		link := heldLink{
			Index: int(int32(binary.NativeEndian.Uint32(message.Data[4:]))),
			Up:    binary.NativeEndian.Uint32(message.Data[8:])&syscall.IFF_UP != 0,
			IPs:   []string{},
		}
		isMacvlan := false
		for _, attribute := range attributes {
			switch attribute.Attr.Type & nested {
			case syscall.IFLA_IFNAME:
				link.Name = strings.TrimRight(string(attribute.Value), "\x00")
			case syscall.IFLA_ADDRESS:
				link.MAC = net.HardwareAddr(attribute.Value).String()
			case attributeLinkInfo:
				isMacvlan = kindOf(attribute.Value) == "macvlan"
			}
		}
		if isMacvlan {
			links = append(links, link)
		}
	}
	if len(links) > 0 {
		addAddresses(links)
	}
	return links
}

func kindOf(info []byte) string {
	for len(info) >= 4 {
		size, kind := int(binary.NativeEndian.Uint16(info)), binary.NativeEndian.Uint16(info[2:])
		if size < 4 || size > len(info) {
			return ""
		}
		if kind == attributeKind {
			return strings.TrimRight(string(info[4:size]), "\x00")
		}
		info = info[min((size+3)&^3, len(info)):]
	}
	return ""
}

// addAddresses leaves out link-local ones, which follow from the MAC.
func addAddresses(links []heldLink) {
	data, err := syscall.NetlinkRIB(syscall.RTM_GETADDR, syscall.AF_UNSPEC)
	if err != nil {
		return
	}
	messages, err := syscall.ParseNetlinkMessage(data)
	if err != nil {
		return
	}
	for _, message := range messages {
		if message.Header.Type != syscall.RTM_NEWADDR || len(message.Data) < syscall.SizeofIfAddrmsg {
			continue
		}
		index := int(binary.NativeEndian.Uint32(message.Data[4:]))
		at := slices.IndexFunc(links, func(link heldLink) bool { return link.Index == index })
		attributes, err := syscall.ParseNetlinkRouteAttr(&message)
		if at < 0 || err != nil {
			continue
		}
		for _, attribute := range attributes {
			if attribute.Attr.Type != syscall.IFA_ADDRESS {
				continue
			}
			if address, ok := netip.AddrFromSlice(attribute.Value); ok && !address.IsLinkLocalUnicast() {
				links[at].IPs = append(links[at].IPs, address.String())
			}
		}
	}
}
