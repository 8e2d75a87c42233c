// One table of everything that keeps a pod from its identity. The code is the event's reason and that of the condition Waiting.

/** Code → what it means, in the words of docs/reference/problems.md. */
export const IDENTITY_PROBLEMS = {
  HolderAlive: 'Another pod holds the identity, and is not proved to be gone.',
  PoolExhausted: 'All addresses of the pool are taken. The pod is bound when one is freed.',
  PinDenied:
    'A MAC or IP address was chosen, and the attachment does not allow it (`pins: Deny`), or it is for a network of somebody else and `guards.rawPins: Refuse`.',
  PinInvalid: 'A chosen MAC or IP address cannot be used.',
  PinTaken: 'A chosen MAC or IP address belongs to another identity.',
  AddressMissing: 'Pods of the attachment bring their own addresses, and this one brings none.',
  MacsExhausted: 'No MAC address under the prefix of the attachment could be had.',
  SeedLost:
    'The Secret from which addresses follow is missing or damaged. Identities that have their addresses are not concerned.',
  QuotaExceeded: 'A ResourceQuota of the namespace has no room for another MacvlanIdentity.',
  NetworksInvalid: 'The networks annotation of the pod cannot be read.',
  NetworkMissing:
    'The pod asks for an identity, and none of its networks is an attachment in its namespace (yet), or one of them is not there.',
  NoNodeReady: 'The attachment says `placement: Require`, and no node that the pod may go to is ready for it (yet).',
  PlacementContradicts: 'The attachment says `placement: Require`, and no node that the pod selects takes part in it.',
  IdentityNameInvalid: 'The name in the annotation cannot be that of an identity.',
  IdentityMissing:
    'The pod is on an attachment with addresses from a pool, has no identity, and so gets no address and no link.',
  NeverGated: 'The pod asks for an identity and was not held back until it had one: it starts without.',
} as const satisfies Record<string, string>;

export type IdentityProblem = keyof typeof IDENTITY_PROBLEMS;

/** Reasons of the conditions Waiting and Conflict when all is well. */
export const IDENTITY_REASONS = {
  NobodyWaits: 'No pod waits for the identity.',
  NoConflict: 'No address of the identity is anywhere else.',
} as const satisfies Record<string, string>;

/** Why something cannot be had, and what would help. */
export interface Refusal {
  readonly reason: IdentityProblem;
  readonly message: string;
  readonly remedy: string;
}

export function isRefusal(value: object): value is Refusal {
  return 'reason' in value && 'remedy' in value;
}
