/** Sockets, cores and threads of the host. */
export interface Topology {
  readonly sockets: number;
  readonly coresPerSocket: number;
  readonly threadsPerCore: number;
}

/** Logical processors of a host. They are numbered thread by thread, core by core, socket by socket: 0 and 1 are siblings. */
export function processorCount(topology: Topology): number {
  return topology.sockets * topology.coresPerSocket * topology.threadsPerCore;
}

/** The socket of a logical processor: its NUMA node, and the processors that share its last-level cache. */
export function socketOf({ coresPerSocket, threadsPerCore }: Topology, processor: number): number {
  return Math.floor(processor / (coresPerSocket * threadsPerCore));
}

/** The distance between two logical processors: 0 the same, 1 SMT siblings, 2 one socket, 3 two sockets. */
export function distanceBetween(topology: Topology): (a: number, b: number) => number {
  const perCore = topology.threadsPerCore;
  const perSocket = perCore * topology.coresPerSocket;
  return (a, b) => {
    if (a === b) return 0;
    if (Math.floor(a / perCore) === Math.floor(b / perCore)) return 1;
    return Math.floor(a / perSocket) === Math.floor(b / perSocket) ? 2 : 3;
  };
}

/**
 * The NUMA node of each virtual CPU of a guest that is laid out as its host: a pinned one is on its processor's node; of those that float
 * each node has as many as fit its share, in order, as management software lays them out.
 *
 * @param pinning - the logical processor of each virtual CPU; undefined if they float
 */
export function guestNodes(topology: Topology, vcpus: number, pinning: readonly number[] | undefined): number[] {
  if (pinning !== undefined) return pinning.map((processor) => socketOf(topology, processor));
  return Array.from({ length: vcpus }, (_, vcpu) => Math.floor((vcpu * topology.sockets) / vcpus));
}
