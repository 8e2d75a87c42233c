// MacvlanClaim: the lock on one address. Its name is the address, so the API server itself sees to it that there is one owner.
import type { Kind, KubeObject } from '../kube.ts';
import { API_VERSION } from '../names.ts';

/**
 * One address and its one owner. Named by what it claims, and made before anything uses the address; written by the controller
 * only.
 */
export interface MacvlanClaim extends KubeObject {
  readonly spec: MacvlanClaimSpec;
}

/**
 * What is claimed, and for whom.
 * @validation {"rule":"self == oldSelf","message":"a claim is made and deleted, never changed"}
 */
export interface MacvlanClaimSpec {
  /**
   * The MAC or IP address.
   * @maxLength 45
   */
  readonly address: string;
  /**
   * Name of the attachment that it is used on.
   * @maxLength 63
   */
  readonly attachment: string;
  /** The identity that it belongs to. */
  readonly identity: IdentityReference;
}

/** Which MacvlanIdentity. */
export interface IdentityReference {
  /**
   * Its namespace.
   * @maxLength 63
   */
  readonly namespace: string;
  /**
   * Its name.
   * @maxLength 253
   */
  readonly name: string;
}

export const CLAIM: Kind<MacvlanClaim> = {
  apiVersion: API_VERSION,
  kind: 'MacvlanClaim',
  plural: 'macvlanclaims',
  namespaced: false,
};
