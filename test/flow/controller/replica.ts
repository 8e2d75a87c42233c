// A pod that something else would make again: one of a ReplicaSet, running on a node and attached.
import { POD, type Pod } from '../../../src/api/kube.ts';
import type { KubeClient } from '../../../src/kernel/kube/client.ts';

/** Makes the pod in the namespace `home`, with a link on `lan` and the label `app`, its name; gives its uid. */
export async function makeReplica(client: KubeClient, name: string, nodeName: string): Promise<string> {
  const annotations = {
    'k8s.v1.cni.cncf.io/network-status': JSON.stringify([{ name: 'home/lan', interface: 'net1' }]),
  };
  const owner = { apiVersion: 'apps/v1', kind: 'ReplicaSet', name, uid: 'some-uid', controller: true };
  const { metadata } = await client.create<Pod>(POD, {
    metadata: { namespace: 'home', name, labels: { app: name }, annotations, ownerReferences: [owner] },
    spec: { nodeName, containers: [{ name: 'main', image: 'none' }] },
  });
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await client.mergePatch(POD, metadata, { status }, { subresource: 'status' });
  return metadata.uid ?? '';
}

/** It is being deleted, as far as a cluster without kubelets gets. */
export async function isEvicted(client: KubeClient, name: string): Promise<boolean> {
  const pod = await client.get(POD, { namespace: 'home', name });
  return pod === undefined || pod.metadata.deletionTimestamp !== undefined;
}
