// Text values with a format that several kinds share.

/**
 * An Ethernet address, six octets in hexadecimal with colons.
 * @maxLength 17
 * @pattern ^([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$
 */
export type MacAddress = string;

/**
 * An IPv4 or IPv6 subnet with prefix length, written with its first address.
 * @minLength 4
 * @maxLength 43
 * @validation {"rule":"isCIDR(self)","message":"must be a subnet such as 192.168.1.0/24"}
 */
export type Cidr = string;

/**
 * An IPv4 or IPv6 address.
 * @minLength 2
 * @maxLength 39
 * @validation {"rule":"isIP(self)","message":"must be an IP address such as 192.168.1.10"}
 */
export type IpAddress = string;
