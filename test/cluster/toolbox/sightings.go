// Behind which ports of a switch a MAC address is seen. One that moves is seen behind one port and then behind another; one that
// there are two of is seen behind the first again, sooner than anything can move back.
package main

import "time"

// Nothing that moves to another port and back is so quick: a pod needs longer to start, and needs to twice.
const tooSoon = 500 * time.Millisecond

type sighting struct {
	port, before string
	// When it was last seen behind the port before.
	left time.Time
	last time.Time
}

type sightings struct{ macs map[string]*sighting }

func newSightings() sightings { return sightings{macs: map[string]*sighting{}} }

// seen gives the two ports when the address is behind both.
func (s *sightings) seen(mac, port string, now time.Time) []string {
	one := s.macs[mac]
	if one == nil {
		s.macs[mac] = &sighting{port: port, last: now}
		return nil
	}
	if one.port == port {
		one.last = now
		return nil
	}
	isBack := one.before == port && now.Sub(one.left) < tooSoon
	places := []string{one.port, port}
	*one = sighting{port: port, before: one.port, left: one.last, last: now}
	if isBack {
		return places
	}
	return nil
}

func answersAt(ports []string, mac string) []answer {
	var all []answer
	for _, port := range ports {
		all = append(all, answer{Port: port, MAC: mac})
	}
	return all
}
