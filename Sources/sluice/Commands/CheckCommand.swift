import ArgumentParser
import Observability
import Settings
import SettingsFile

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a configuration without running it.",
        discussion: """
            Prints everything that is wrong, each with file, line, key, what was found and what is allowed, and ends with \
            code 1; or says that the file is good, what in it is probably not meant, and what it names that is not on this \
            machine.
            """
    )
    @OptionGroup var options: ConfigurationOptions

    func run() throws {
        do {
            let settings = try SettingsFile.load(self.options.file, exportsJournals: true, isStarting: true)
            let expiry = ServerCertificates.notices(of: settings, nowSeconds: Timestamp.wallMicros() / 1_000_000)
            for notice in settings.notices + MachineNotices.of(settings) + expiry { print("notice: \(notice)") }
            print(
                "\(self.options.file): good (\(settings.routes.count) routes, \(settings.rooms.count) rooms, "
                    + "\(settings.pools.count) pools)"
            )
        } catch {
            printError("\(error)")
            throw ExitCode(1)
        }
    }
}
