import ArgumentParser

/// The command line.
@main
struct Sluice: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sluice",
        abstract: "A waiting room and traffic shaper for on-sale spikes.",
        discussion: """
            Sluice stands at the edge, lets people in at the pace the backend can really serve, gives everyone else a \
            fair place in line, and grows and shrinks the pools of workers behind it.

            Start here:
              sluice check Config/sluice.yaml    say what is wrong with a configuration, or that it is good
              sluice run Config/sluice.yaml      gateway, controller, workers and Redis, all in one
              sluice status                      rooms, pools and connections of a running Sluice
              sluice journal ROOM                who was let in, and by which limits
              sluice room reset ROOM             end a line and begin a new one
              sluice controller retire POOL ID   have one worker go, drained
              sluice controller explain POOL     why a pool has its size, in plain words
              sluice controller replay JOURNAL   what another configuration would have decided

            On SIGHUP, and when the file changes, the configuration is read again; a bad one changes nothing. On SIGTERM \
            and Ctrl-C requests under way are finished first; a second Ctrl-C ends at once.
            """,
        version: "0.1.0",
        subcommands: [
            RunCommand.self, GatewayCommand.self, ControllerCommand.self, WorkerCommand.self, CheckCommand.self,
            StatusCommand.self, JournalCommand.self, RoomCommand.self,
        ]
    )
}
