module macvlan.dev/test/cluster/toolbox

go 1.26.0

require (
	golang.org/x/net v0.61.0
	golang.org/x/sys v0.49.0
)
