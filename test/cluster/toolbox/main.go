// Command toolbox is the one program inside the test cluster's container image, and what plays the LAN's other machines:
// servers, clients, listeners and a sniffer, each a subcommand. It is static and needs nothing but the kernel.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// command runs until it is done or the context ends, which is what TERM and INT do.
type command struct {
	usage string
	about string
	run   func(ctx context.Context, args []string) error
}

func commands() map[string]command {
	return map[string]command{
		"pause":            {"pause", "keep a sandbox: reap children, end on TERM", pause},
		"wait":             {"wait [--iface I [--timeout S]]", "wait for TERM, or until an interface is there with an address", wait},
		"sleep":            {"sleep SECONDS", "sleep, ends early on TERM", sleep},
		"env":              {"env", "print the environment, sorted", env},
		"cat":              {"cat FILE...", "print files", cat},
		"ifaces":           {"ifaces", "print links, addresses and routes of this network namespace as JSON", ifaces},
		"serve":            {"serve [--tcp PORT]... [--udp PORT]... [--name TEXT]", "answer everybody with: NAME HOSTNAME PEER", serve},
		"get":              {"get tcp|udp ADDR:PORT [--timeout S] [--from IP] [--iface I]", "print what a server answers", get},
		"ping":             {"ping ADDR [-c N] [-W S] [-i S] [-I IFACE]", "ICMP echo, IPv4 or IPv6; done when somebody answers at least once", ping},
		"arping":           {"arping --iface I ADDR [-c N] [-W S]", "who has ADDR: print each answer's MAC", arping},
		"listen-broadcast": {"listen-broadcast --port P [--seconds S] [--count N] [--iface I]", "print UDP datagrams: PEER TEXT", listenBroadcast},
		"send-broadcast":   {"send-broadcast --iface I --port P TEXT", "send one UDP datagram to 255.255.255.255", sendBroadcast},
		"mdns-listen":      {"mdns-listen --iface I [--seconds S] [--count N]", "print mDNS packets: PEER query|answer NAME [IP]", mdnsListen},
		"mdns-send":        {"mdns-send --iface I --name N --ip A", "announce a name once, unasked", mdnsSend},
		"mdns-answer":      {"mdns-answer --iface I --name N --ip A [--seconds S]", "answer queries for a name", mdnsAnswer},
		"mdns-query":       {"mdns-query --iface I --name N [--timeout S]", "ask for a name, print: NAME IP PEER", mdnsQuery},
		"holders":          {"holders [--out FILE] [--every S] NODE=FOLDER...", "which macvlan links are in the namespaces of these folders, as JSON lines; addresses that are there twice", holders},
		"answers":          {"answers --bridge B --from IP --to IP [--out FILE] [--every S]", "who answers for these addresses behind which port, as JSON lines; addresses that two answer for", answers},
		"sniff":            {"sniff --iface I --out FILE [--seconds S]", "write every frame as one line of JSON ('-' is stdout)", sniff},
	}
}

func main() {
	all := commands()
	if len(os.Args) < 2 || os.Args[1] == "help" || os.Args[1] == "--help" || os.Args[1] == "-h" {
		help(all)
		return
	}
	chosen, found := all[os.Args[1]]
	if !found {
		fmt.Fprintf(os.Stderr, "toolbox: no such command: %s (toolbox help lists them)\n", os.Args[1])
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := chosen.run(ctx, os.Args[2:])
	stop()
	var wrong *usageError
	if errors.As(err, &wrong) {
		fmt.Fprintf(os.Stderr, "toolbox: %v\nusage: toolbox %s\n", err, chosen.usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "toolbox %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func help(all map[string]command) {
	names := make([]string, 0, len(all))
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	fmt.Println("toolbox COMMAND: test servers, clients and listeners. Exit 0: done, 1: it failed or nobody answered, 2: wrong usage.")
	for _, name := range names {
		fmt.Printf("  %s\n      %s\n", all[name].usage, all[name].about)
	}
}
