import { recordKind } from '../engine/records.js';

/** Who sets ON of a descriptor. */
export const AnnouncedBy = { ipiVirtualization: 0, iommu: 1, urgentIommu: 2, software: 3 } as const;

/** What hardware and guest routines tell observers. */
export const Record = {
  vmExit: recordKind('vm-exit', 'reason', 'qualification'),
  /** Comes right before `vm-exit` where there is one: the VM-exit interruption information. */
  exitInterruption: recordKind('exit-interruption', 'vcpu', 'information'),
  vmEntry: recordKind('vm-entry', 'vcpu'),
  /** An interrupt was posted to a descriptor. */
  posted: recordKind('posted', 'descriptor', 'vector'),
  /** The vector was pending in the descriptor already. */
  coalesced: recordKind('coalesced', 'descriptor', 'vector'),
  /** ON of a descriptor went from 0 to 1: who set it ({@link AnnouncedBy}) may have to send a notification. */
  announced: recordKind('announced', 'descriptor', 'by'),
  /** A vector goes through the guest's IDT. */
  delivered: recordKind('delivered', 'vcpu', 'vector'),
  /** EOI virtualization ended the service of a vector. */
  endOfInterrupt: recordKind('end-of-interrupt', 'vcpu', 'vector'),
  /** An exception goes through the guest's IDT. */
  exception: recordKind('exception', 'vcpu', 'vector'),
  /** VM entry injects an event: the vector, and the type of the interruption information. */
  injected: recordKind('injected', 'vcpu', 'vector'),
  /** A logical processor begins (1) or ends (0) an idle state: its number. */
  idle: recordKind('idle', 'state', 'begins'),
  /** It begins (1) or ends (0) to handle an interrupt in root operation. */
  hostInterrupt: recordKind('host-interrupt', 'vector', 'begins'),
  physicalIpi: recordKind('physical-ipi', 'destination', 'vector'),
  /** A guest program asks for an IPI. */
  ipiSent: recordKind('ipi-sent', 'vcpu', 'vector'),
  /** The guest program begins (1) or ends (0) an iteration of what it measures. */
  iteration: recordKind('iteration', 'number', 'begins'),
  /** What a one-way time counts from: a CPU makes the call, or sends the message, of an iteration. */
  callMade: recordKind('call-made', 'number'),
  /** What a one-way time counts to: it has arrived, on a virtual CPU. */
  callArrived: recordKind('call-arrived', 'vcpu', 'number'),
  /** The program has measured something else than the time of an iteration, which ends here: so many cycles. */
  measured: recordKind('measured', 'number', 'cycles'),
} as const;
