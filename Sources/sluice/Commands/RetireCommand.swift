import ArgumentParser
import Foundation
import Primitives

struct RetireCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retire",
        abstract: "Have one worker of a pool go.",
        discussion: """
            Gateways send it nothing new, and it ends when its requests have, or after the pool's drain_timeout. Another \
            one is started for it when the pool needs it. Ask the controller that leads, by --admin; a worker that is not \
            there is answered with those that are. Where others choose who goes, which are KEDA, a StatefulSet, a cloud \
            without `cloud.retire` and whoever looks after a static pool, the answer says so, and nothing is done.

            `POST /pools/POOL/retire?worker=ID` of the admin listener, with the field `Sluice-Action: retire`, does the \
            same.
            """
    )
    @Argument(help: "The pool's name.") var pool: String
    @Argument(help: "The worker's id, as its log and `drains` lines name it: a process's, a pod's or an instance's.")
    var worker: String
    @OptionGroup var admin: AdminOptions

    private static let doubt = "It may have been told to go all the same: ask once more, which does no harm"
    private static let longestID = 512

    func validate() throws {
        guard RoomName.isPlausible(self.pool) else {
            throw ValidationError(RoomName.problem(self.pool, of: "pool"))
        }
        guard (1...Self.longestID).contains(self.worker.utf8.count) else {
            throw ValidationError("the id of a worker has 1 to \(Self.longestID) bytes")
        }
    }

    func run() throws {
        let (pool, worker) = (self.pool, self.worker)
        let id = PercentCoding.encoded(worker) { ASCII.isLetter($0) || ASCII.isDigit($0) || $0 == 0x2D || $0 == 0x2E }
        try self.admin.ask(.act("/pools/\(pool)/retire?worker=\(id)", doubt: Self.doubt)) { answer, admin in
            struct Line: Decodable {
                let already: Bool
            }
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(answer)) else { admin.refuse() }
            print(
                "the worker \(worker) of the pool '\(pool)' \(line.already ? "drains already" : "drains, and goes then")"
            )
            Foundation.exit(0)
        }
    }
}
