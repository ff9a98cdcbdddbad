import ArgumentParser

/// Plays an on-sale against a waiting room and says whether what was promised held.
@main
struct Onsale: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "onsale",
        abstract: "The load tool of Sluice: an on-sale's crowd, played and judged.",
        subcommands: [
            PlayCommand.self, SoakCommand.self, PlanCommand.self, ReportCommand.self, CompareCommand.self,
            SearchCommand.self, RecordCommand.self, DriveCommand.self, AgentCommand.self,
            SimulateCommand.self, TuneCommand.self, ScalingCommand.self, OverlayCommand.self,
        ]
    )

    static func main() {
        Output.tellLossesAtTheEnd()
        Self.main(nil)
    }
}
