export { type BrokenLaw, type LawName, laws } from './laws/accounts.js';
export type { ApicSystem, OperationResult, SystemStep, Taken } from './laws/apic-system.js';
export {
  type CaseEvent,
  type CaseOptions,
  type CaseResult,
  type CaseSchedule,
  type InterruptCase,
  runCase,
} from './laws/case.js';
export type { ApicCommand } from './laws/commands.js';
export { compareSystems, type SystemDifference } from './laws/equivalence.js';
export type { HandlerStyle } from './laws/guest-program.js';
export { MachineSystem, type MachineSystemSetting } from './laws/machine-system.js';
export type { GuestOperation, HostOperation } from './laws/operations.js';
export { type ReferenceCpu, type ReferenceSetting, ReferenceSystem } from './laws/reference-system.js';
export { checkStartUp, type StartUpCase, type StartUpMessage } from './laws/start-up.js';
export { checkTimerMigration, type TimerMigrationCase } from './laws/timer-migration.js';
export { checkTimer, type TimerCase, type TimerStep } from './laws/timer-rules.js';
