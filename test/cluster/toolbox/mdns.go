// Multicast DNS on one interface, as much as it takes to ask for a name and to answer.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

var mdnsGroup = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353}

// mdnsFlags are what the four commands have in common.
type mdnsFlags struct {
	options
	iface *string
	name  *string
	ip    *string
}

func newMdnsFlags() mdnsFlags {
	flags := newOptions()
	return mdnsFlags{flags, flags.String("iface", "", ""), flags.String("name", "", ""), flags.String("ip", "", "")}
}

// open parses and joins the group. needs names the flags that must be given.
func (f mdnsFlags) open(args []string, needs ...string) (*net.UDPConn, error) {
	if _, err := f.parse(args, 0); err != nil {
		return nil, err
	}
	for _, each := range append(needs, "iface") {
		if found := f.Lookup(each); found.Value.String() == "" {
			return nil, wrongUsage("--%s is needed", each)
		}
	}
	iface, err := net.InterfaceByName(*f.iface)
	if err != nil {
		return nil, err
	}
	return net.ListenMulticastUDP("udp4", iface, mdnsGroup)
}

func mdnsListen(ctx context.Context, args []string) error {
	flags := newMdnsFlags()
	seconds := flags.seconds("seconds", 10*time.Second)
	count := flags.Int("count", 1, "")
	socket, err := flags.open(args)
	if err != nil {
		return err
	}
	defer socket.Close()
	fmt.Printf("listening on %s\n", *flags.iface)
	return receive(ctx, socket, *seconds, *count, func(peer string, data []byte) bool {
		known := false
		each(data, func(kind, name, ip string) {
			fmt.Println(strings.TrimSpace(strings.Join([]string{peer, kind, name, ip}, " ")))
			known = true
		})
		return known
	})
}

func mdnsSend(_ context.Context, args []string) error {
	flags := newMdnsFlags()
	socket, err := flags.open(args, "name", "ip")
	if err != nil {
		return err
	}
	defer socket.Close()
	return announce(socket, *flags.name, *flags.ip)
}

func mdnsAnswer(ctx context.Context, args []string) error {
	flags := newMdnsFlags()
	seconds := flags.seconds("seconds", 24*time.Hour)
	socket, err := flags.open(args, "name", "ip")
	if err != nil {
		return err
	}
	defer socket.Close()
	fmt.Printf("answering for %s on %s\n", *flags.name, *flags.iface)
	err = receive(ctx, socket, *seconds, 0, func(peer string, data []byte) bool {
		each(data, func(kind, name, _ string) {
			if kind == "query" && strings.EqualFold(name, *flags.name) {
				fmt.Printf("%s asked for %s\n", peer, name)
				if err := announce(socket, *flags.name, *flags.ip); err != nil {
					fmt.Println(err)
				}
			}
		})
		return true
	})
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func mdnsQuery(ctx context.Context, args []string) error {
	flags := newMdnsFlags()
	timeout := flags.seconds("timeout", 5*time.Second)
	socket, err := flags.open(args, "name")
	if err != nil {
		return err
	}
	defer socket.Close()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	question, err := query(*flags.name)
	if err != nil {
		return err
	}
	go func() {
		for {
			if _, err := socket.WriteToUDP(question, mdnsGroup); err != nil {
				fmt.Println(err)
			}
			if !rest(ctx, time.Second) {
				return
			}
		}
	}()
	return receive(ctx, socket, *timeout, 1, func(peer string, data []byte) bool {
		found := false
		each(data, func(kind, name, ip string) {
			if kind == "answer" && strings.EqualFold(name, *flags.name) && ip != "" {
				fmt.Println(name, ip, peer)
				found = true
			}
		})
		return found
	})
}

func dnsName(name string) (dnsmessage.Name, error) {
	return dnsmessage.NewName(strings.TrimSuffix(name, ".") + ".")
}

func query(name string) ([]byte, error) {
	full, err := dnsName(name)
	if err != nil {
		return nil, err
	}
	message := dnsmessage.Message{
		Questions: []dnsmessage.Question{{Name: full, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET}},
	}
	return message.Pack()
}

// announce multicasts an answer; the top bit of its class says that nobody else has this name.
func announce(socket *net.UDPConn, name, ip string) error {
	full, err := dnsName(name)
	if err != nil {
		return err
	}
	four := net.ParseIP(ip).To4()
	if four == nil {
		return errors.New("--ip must be an IPv4 address")
	}
	message := dnsmessage.Message{
		Header: dnsmessage.Header{Response: true, Authoritative: true},
		Answers: []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: full, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET | 1<<15, TTL: 120},
			Body:   &dnsmessage.AResource{A: [4]byte(four)},
		}},
	}
	data, err := message.Pack()
	if err != nil {
		return err
	}
	_, err = socket.WriteToUDP(data, mdnsGroup)
	return err
}

// each hands on questions and answers of a message; what is not DNS is passed over.
func each(data []byte, take func(kind, name, ip string)) {
	var message dnsmessage.Message
	if err := message.Unpack(data); err != nil {
		return
	}
	for _, question := range message.Questions {
		take("query", strings.TrimSuffix(question.Name.String(), "."), "")
	}
	for _, answer := range message.Answers {
		ip := ""
		switch body := answer.Body.(type) {
		case *dnsmessage.AResource:
			ip = net.IP(body.A[:]).String()
		case *dnsmessage.AAAAResource:
			ip = net.IP(body.AAAA[:]).String()
		}
		take("answer", strings.TrimSuffix(answer.Header.Name.String(), "."), ip)
	}
}
