// Text values with a format that several kinds share.

/**
 * An Ethernet address, six octets in hexadecimal with colons.
 * @maxLength 32
 * @validation {"rule":"self.matches('^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$')","message":"must be a MAC address of six octets such as 52:54:00:12:34:56"}
 */
export type MacAddress = string;

/**
 * An IPv4 or IPv6 subnet with prefix length, written with its first address.
 * @minLength 4
 * @maxLength 43
 * @validation [{"rule":"isCIDR(self)","message":"must be a subnet such as 192.168.1.0/24"},{"rule":"!isCIDR(self) || cidr(self) == cidr(self).masked()","message":"must be written with its first address: 192.168.1.0/24, not 192.168.1.7/24"}]
 */
export type Cidr = string;

/**
 * An IPv4 or IPv6 address.
 * @minLength 2
 * @maxLength 39
 * @validation {"rule":"isIP(self)","message":"must be an IP address such as 192.168.1.10"}
 */
export type IpAddress = string;
