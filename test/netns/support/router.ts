// A router on the LAN that advertises itself and a prefix.
import type { Lab } from './lab.ts';

/** Starts it: it speaks at once, or when it is asked, and then every `seconds`. Ends it with the result. */
export function advertise(lab: Lab, prefix: string, seconds: number): () => void {
  const range = ['--enable-ra', `--dhcp-range=${prefix}:,ra-only,64,1800`, `--ra-param=sw0,${seconds},1800`];
  const quiet = ['--port=0', '--interface=sw0', '--bind-interfaces', '--no-resolv', '--conf-file=/dev/null'];
  const files = ['--pid-file=', '--dhcp-leasefile=/dev/null', '--user=root', '--log-facility=/dev/null'];
  const child = lab.spawn('router', ['dnsmasq', '--keep-in-foreground', ...quiet, ...range, ...files]);
  return () => void child.kill('SIGTERM');
}
