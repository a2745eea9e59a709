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

/** The socket of a logical processor. */
export function socketOf(topology: Topology, processor: number): number {
  return Math.floor(processor / (topology.threadsPerCore * topology.coresPerSocket));
}
