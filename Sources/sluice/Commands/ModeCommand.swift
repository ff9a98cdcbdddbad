import ArgumentParser
import Foundation
import Pools
import Settings

struct ModeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mode",
        abstract: "Say who decides how many workers a pool has.",
        discussion: """
            automatic: the scaling policy. manual N: N workers, at most the pool's max_workers. freeze: the size stays as \
            it is, and workers that die are replaced. advise: the policy only says what it would do, and somebody else \
            scales. configured: what the configuration says; what was set here is taken away.

            It holds from the next second on, for every controller on the same state, until --for has passed, or until \
            another is set; then what the configuration says holds again. `sluice status` shows it, and what the policy \
            would do meanwhile. Rooms let in what the ready workers can take, in every mode.

            `POST /pools/POOL/mode?mode=MODE&workers=N&seconds=S` of the admin listener, with the field \
            `Sluice-Action: mode`, does the same.
            """
    )
    @Argument(help: "The pool's name.") var pool: String
    @Argument(help: "automatic, advise, manual, freeze or configured.") var mode: String
    @Argument(help: "With manual: how many workers there are to be.") var workers: Int?
    @Option(name: .customLong("for"), help: "How long it holds, such as 30m; at most 30d.") var period: String?
    @OptionGroup var admin: AdminOptions

    private static let doubt = "It may have been set all the same: look at `sluice status`, and set it once more"

    func validate() throws {
        guard RoomName.isPlausible(self.pool) else {
            throw ValidationError(RoomName.problem(self.pool, of: "pool"))
        }
        _ = try self.query()
    }

    /// What is asked, checked as the other side does.
    private func query() throws -> String {
        var values = ["mode": self.mode]
        if let workers = self.workers { values["workers"] = "\(workers)" }
        if let period = self.period {
            do throws(Refusal) {
                // Part of a second counts as a whole one: what was asked for is not cut short.
                values["seconds"] = "\((try DurationText.parse(period) + 999_999_999) / 1_000_000_000)"
            } catch {
                throw ValidationError("--for is a duration such as 30m, found '\(period)' \(error.reason)")
            }
        }
        do throws(ModeRequest.Refused) {
            _ = try ModeRequest.order(values, wallMicros: 0)
        } catch {
            throw ValidationError(error.description)
        }
        return values.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: "&")
    }

    func run() throws {
        let pool = self.pool
        try self.admin.ask(.act("/pools/\(pool)/mode?\(try self.query())", doubt: Self.doubt)) { answer, admin in
            struct Line: Decodable {
                let mode: String
                let until: String?
            }
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(answer)) else { admin.refuse() }
            print("the pool '\(pool)' is set to \(line.mode)\(line.until.map { " until \($0)" } ?? "")")
            Foundation.exit(0)
        }
    }
}

/// What an operator asks for, from the command line or of the admin listener.
enum ModeRequest {
    /// Takes away what was set.
    static let configured = "configured"
    static let longestSeconds: Int64 = 30 * 86_400

    struct Refused: Error, CustomStringConvertible {
        let description: String
    }

    /// Nil: what was set is taken away.
    static func order(_ values: [String: String], wallMicros: Int64) throws(Refused) -> ModeOrder? {
        let name = values["mode"] ?? ""
        let names = PoolMode.names + [self.configured]
        guard names.contains(name) else {
            throw Refused(description: "'\(name)' is no mode: \(names.joined(separator: ", "))")
        }
        var untilMicros: Int64?
        if let text = values["seconds"] {
            guard let seconds = Int64(text), (1...self.longestSeconds).contains(seconds) else {
                throw Refused(description: "a mode holds for 1 second to 30 days, found '\(text)' seconds")
            }
            untilMicros = wallMicros + seconds * 1_000_000
        }
        if name == self.configured {
            guard values["workers"] == nil, untilMicros == nil else {
                throw Refused(description: "configured takes neither a number nor a time: it takes away what was set")
            }
            return nil
        }
        let workers = values["workers"].map { Int($0) ?? -1 }
        guard let mode = PoolMode(name: name, workers: workers) else {
            throw Refused(
                description: name == "manual"
                    ? "manual needs a number of workers, from 0 to \(PoolMode.manualRange.upperBound)"
                    : "\(name) takes no number of workers"
            )
        }
        return ModeOrder(mode: mode, untilMicros: untilMicros)
    }
}
