/** Bad usage of the command: said in one line, exit status 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** What `vmx-apic --help` prints. */
export const usage = `usage: vmx-apic <command> [options]

commands
  run <preset or scenario.json>   run a scenario; print latency, exits, and where the cycles of one iteration go
      --set path=value            change the scenario first (may be repeated), as --set profile.set.vmExit=700
      --variant TEXT              only the variants whose names contain TEXT
      --json                      print the report as one JSON document
      --svg FILE                  draw one iteration of each variant as a sequence chart
      --perfetto FILE             its trace, for Perfetto and chrome://tracing
      --ftrace FILE               its trace in the form of trace-cmd report
      --folded FILE               its stacks, for flame graphs
  sweep <preset or scenario.json>  latency against CPU time burnt over a parameter or two
      --param path=VALUES         from..to, a list with commas, or both; a range takes :N (points) and :log
      --set, --variant            as for run
      --threads N                 how many points run at once; as many as there are processors by default
      --save FILE                 keep what is done there; the same command goes on from it
      --svg FILE                  draw it, with the Pareto front and its knee
      --json                      print it as one JSON document
  analyze <trace.txt> [--json]    the exits of a KVM trace (trace-cmd report, perf script), and what features would save
      --check                     also what cannot happen in it: interrupts lost, twice, out of order; exits 1 if there is any
  presets [--json]                list the presets, or print them all as JSON
  validate                        run every published figure; print published, simulated, error
      --figures FILE              those of a figures file (JSON) in place of the library's
      --svg FILE                  draw the errors
      --no-intervals              leave out how uncertain each figure is, which takes most of the time
      --json                      print one JSON document
  explore <model>[/configuration]  every interleaving of a small machine on KVM's routines; what it breaks, by a shortest schedule
      --mutant ID                 with a bug of history switched on
      --strategy NAME             exhaustive (default), random or pct for samples, with --seed N and --runs N
      --schedule TEXT             only that schedule
      --states N, --depth N       give up there
      --svg FILE                  draw the schedule as a sequence chart, every step with what it changed
      --json                      print one JSON document
  mutants [ID...] [--json]        every catalogued bug: which invariant caught it, with which schedule or counterexample
      --svg FILE                  draw the schedule of one
  calibrate --from FILE           a profile from what kvm-unit-tests' vmexit printed (and perf kvm stat); --from may be repeated
      --base PROFILE              the nearest profile of the library (sapphire-rapids)
      --name NAME, --ghz N        name of the new profile; clock of its time-stamp counter
      --set path=value            what was measured, as --set vms[0].apicMode=xapic (may be repeated)
      --out FILE                  write the profile there, and print how it fits
      --json                      print the profile as one JSON document
  conform <vectors...> [--json]   replay conformance vectors (.json or .json.gz)

  --version, --help

A scenario is JSON; presets are scenarios ('vmx-apic presets --json' prints them).
Exit status: 0 done, 1 a check found failures, 2 bad usage or bad input.
`;
