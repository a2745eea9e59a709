/** One thing that a guest program does on its virtual CPU: plain data, so that programs can be generated, shrunk and told. */
export type GuestOperation =
  /** Writes the ICR: bits 31:0, and the destination (8 bits in xAPIC mode, 32 in x2APIC mode). */
  | { readonly op: 'send'; readonly icr: number; readonly destination: number }
  /** Sends a vector to itself: MSR 83FH in x2APIC mode, the shorthand in xAPIC mode. */
  | { readonly op: 'self-ipi'; readonly vector: number }
  /** MOV to CR8, 0 to 15. */
  | { readonly op: 'tpr'; readonly priority: number }
  /** MOV from CR8. */
  | { readonly op: 'read-tpr' }
  /** Writes another register of the local APIC, by its offset in the xAPIC page (080H TPR, 0D0H LDR, 320H LVT timer, …). */
  | { readonly op: 'write'; readonly offset: number; readonly value: number }
  /** Reads a register of the local APIC. */
  | { readonly op: 'read'; readonly offset: number }
  /** Writes EOI. Programs whose handlers do that themselves have no use for it. */
  | { readonly op: 'eoi' }
  /** Returns from a handler; only where the program itself is the handler (`ApicSystem`). */
  | { readonly op: 'iret' }
  /** `sti-hlt` is STI with HLT in its shadow: no interrupt comes in between. */
  | { readonly op: 'cli' | 'sti' | 'hlt' | 'sti-hlt' }
  /** The hypercall KVM_HC_SEND_IPI: to the APIC IDs `min` + n for each bit n of `mask` (32 bits); `icr` as bits 31:0 of an ICR. */
  | { readonly op: 'pv-send'; readonly icr: number; readonly min: number; readonly mask: number }
  /** The hypercall HvCallSendSyntheticClusterIpiEx, operands in memory: a vector to the virtual processors of `mask`, or to all. */
  | { readonly op: 'hv-send'; readonly vector: number; readonly all: boolean; readonly mask: number }
  /** Quiets the device of a line: it lowers it, and its pin is masked from now on. */
  | { readonly op: 'quiet'; readonly line: number }
  /** Instructions that exit and concern no interrupt. */
  | { readonly op: 'cpuid' | 'vmcall' }
  /** Writes IA32_TSC_DEADLINE: so many cycles from now, 1 or more. */
  | { readonly op: 'timer'; readonly cycles: number }
  /** Writes 0 to IA32_TSC_DEADLINE. */
  | { readonly op: 'disarm' }
  /** Writes EOI by the MSR that Hyper-V has for it, HV_X64_MSR_EOI. */
  | { readonly op: 'hv-eoi' }
  /** Computes for so many cycles. */
  | { readonly op: 'work'; readonly cycles: number };

/** The operations by the numbers that a frame holds of them. */
export const operationKinds = [
  'send',
  'self-ipi',
  'tpr',
  'read-tpr',
  'write',
  'read',
  'eoi',
  'iret',
  'cli',
  'sti',
  'hlt',
  'sti-hlt',
  'cpuid',
  'vmcall',
  'timer',
  'work',
  'pv-send',
  'hv-send',
  'quiet',
  'disarm',
  'hv-eoi',
] as const satisfies readonly GuestOperation['op'][];

/** An operation as the three numbers of a frame: kind and two operands (52 bits each). */
export function encodeOperation(operation: GuestOperation): [kind: number, a: number, b: number] {
  const kind = operationKinds.indexOf(operation.op);
  switch (operation.op) {
    case 'send':
      return [kind, operation.icr, operation.destination];
    case 'self-ipi':
      return [kind, operation.vector, 0];
    case 'pv-send':
      return [kind, operation.icr, operation.min * 2 ** 32 + operation.mask];
    case 'hv-send':
      return [kind, operation.vector + (operation.all ? 0x100 : 0), operation.mask];
    case 'tpr':
      return [kind, operation.priority, 0];
    case 'write':
      return [kind, operation.offset, operation.value];
    case 'read':
      return [kind, operation.offset, 0];
    case 'quiet':
      return [kind, operation.line, 0];
    case 'timer':
    case 'work':
      return [kind, operation.cycles, 0];
    default:
      return [kind, 0, 0];
  }
}

/** One thing that the host, a device or the hypervisor's user space does to a VM (the first one unless it names a virtual CPU). */
export type HostOperation =
  /** A device's message, delivered by the hypervisor: as bits 31:0 of an ICR without shorthand, and the destination. */
  | { readonly op: 'message'; readonly icr: number; readonly destination: number }
  /** A device's interrupt that the IOMMU posts to a virtual CPU (by its number in the machine); the first one attaches the device. */
  | { readonly op: 'post'; readonly vcpu: number; readonly vector: number }
  /** A reason against APICv comes up, or goes away. */
  | { readonly op: 'inhibit' | 'allow' }
  /** The scheduler is told to look at a processor. */
  | { readonly op: 'preempt'; readonly processor: number }
  /**
   * A device raises its line, 0 to 3 (one that is up stays up): pin `line` of the I/O APIC, level-triggered, vector D0H + `line`, to virtual
   * CPU `line` (modulo their number) of the first VM. The EOI lowers it.
   */
  | { readonly op: 'raise'; readonly line: number }
  /** The guest has a line's interrupt go to another virtual CPU of the first VM (by its number in the VM), whatever is under way. */
  | { readonly op: 'route'; readonly line: number; readonly vcpu: number }
  /** The guest masks a line's redirection entry, or lets it through again, whether or not it is up or its last interrupt has ended. */
  | { readonly op: 'mask' | 'unmask'; readonly line: number }
  /** A device raises its line and keeps it up, EOI or not, until a guest says `quiet`. */
  | { readonly op: 'hold'; readonly line: number }
  /** A guest gives the assigned device of the first VM this message, as bits 31:0 of an ICR without shorthand; the device has none at first. */
  | { readonly op: 'set-msi'; readonly icr: number; readonly destination: number }
  /** That device sends its message: the IOMMU posts it if its entry says so, or the host takes it and delivers. */
  | { readonly op: 'msi' }
  /** A device is attached whose interrupts an IOMMU may post. */
  | { readonly op: 'attach' }
  /** User space stops the VM's virtual CPUs. They do not go on by themselves: for what is done with a stopped VM. */
  | { readonly op: 'pause' }
  /** Nothing, for so many cycles. */
  | { readonly op: 'work'; readonly cycles: number };

/** The host's operations by the numbers that a frame holds of them. */
export const hostOperationKinds = [
  'message',
  'post',
  'inhibit',
  'allow',
  'preempt',
  'raise',
  'attach',
  'pause',
  'work',
  'route',
  'hold',
  'set-msi',
  'msi',
  'mask',
  'unmask',
] as const satisfies readonly HostOperation['op'][];

/** As {@link encodeOperation}. */
export function encodeHostOperation(operation: HostOperation): [kind: number, a: number, b: number] {
  const kind = hostOperationKinds.indexOf(operation.op);
  switch (operation.op) {
    case 'message':
    case 'set-msi':
      return [kind, operation.icr, operation.destination];
    case 'post':
      return [kind, operation.vcpu, operation.vector];
    case 'preempt':
      return [kind, operation.processor, 0];
    case 'raise':
    case 'hold':
    case 'mask':
    case 'unmask':
      return [kind, operation.line, 0];
    case 'route':
      return [kind, operation.line, operation.vcpu];
    case 'work':
      return [kind, operation.cycles, 0];
    default:
      return [kind, 0, 0];
  }
}
