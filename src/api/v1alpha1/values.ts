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

/**
 * An address or a subnet, IPv4 or IPv6.
 * @minLength 2
 * @maxLength 43
 * @validation [{"rule":"isIP(self) || isCIDR(self)","message":"must be an IP address or a subnet, such as 192.168.1.10 or 192.168.1.16/28"},{"rule":"!isCIDR(self) || cidr(self) == cidr(self).masked()","message":"must be written with its first address: 192.168.1.16/28, not 192.168.1.17/28"}]
 */
export type AddressOrCidr = string;

/**
 * The value of a Kubernetes label.
 * @maxLength 63
 * @validation {"rule":"self.matches('^([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)?$')","message":"must be the value of a label: letters, digits, dots, hyphens and underscores, with a letter or digit first and last"}
 */
export type LabelValue = string;

/**
 * The value of a Kubernetes annotation.
 * @maxLength 4096
 */
export type AnnotationValue = string;
