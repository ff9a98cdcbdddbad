import ArgumentParser
import Foundation

struct RoomCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "room",
        abstract: "Do something about one room of a running Sluice.",
        discussion: """
            Asks the admin listener of any gateway or controller that shares the room's state. What is done holds on all \
            of them. `sluice status` shows how rooms stand, `sluice journal ROOM` what has happened in one.
            """,
        subcommands: [Reset.self]
    )

    struct Reset: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "End a room's line and begin a new one.",
            discussion: """
                All places and passes of the room become void, on every gateway within a tick: whoever is inside or in \
                line gets a new place with the next request, in the order of these requests. Sessions, the door and the \
                waiting line are emptied; limits, the rate lent by the controller and the journal stay, and the journal \
                says when it was. Nothing of it can be undone.

                Asks before it does so. `POST /rooms/ROOM/reset` of the admin listener, with the field \
                `Sluice-Action: reset`, does the same.
                """
        )
        @Argument(help: "The room's name.") var room: String
        @Flag(name: .shortAndLong, help: "Do not ask.") var yes = false
        @OptionGroup var admin: AdminOptions

        func validate() throws {
            guard RoomName.isPlausible(self.room) else { throw ValidationError(RoomName.problem(self.room)) }
        }

        func run() throws {
            let room = self.room
            if self.yes {
                try self.admin.ask(Self.request(room)) { Self.tell($0, room, $1) }
            }
            // Whoever has mistyped the name learns it before being asked about a room that there is not: reading the
            // journal does no harm.
            try self.admin.ask(.get("/rooms/\(room)/journal?count=1")) { _, admin in
                Self.confirm(room)
                admin.ask(Self.request(room)) { Self.tell($0, room, $1) }
            }
        }

        private static func request(_ room: String) -> AdminOptions.Request {
            .act("/rooms/\(room)/reset", doubt: ResetDoubt.words)
        }

        /// Ends the program unless the person means it. Nothing else happens on this thread meanwhile.
        private static func confirm(_ room: String) {
            print(
                "All places and passes of the room '\(room)' become void: whoever is inside or in line begins anew, at the "
                    + "end of a new line. This cannot be undone."
            )
            print("Write the room's name to go on: ", terminator: "")
            fflush(nil)
            guard readLine() == room else {
                printError("nothing was done")
                Foundation.exit(1)
            }
        }

        private static func tell(_ answer: [UInt8], _ room: String, _ admin: AdminConversation) {
            struct Line: Decodable { let epoch: Int64 }
            guard let line = try? JSONDecoder().decode(Line.self, from: Data(answer)) else { admin.refuse() }
            print("the room '\(room)' has a new line (epoch \(line.epoch))")
            Foundation.exit(0)
        }
    }
}

/// What to tell when nobody knows whether a reset was carried out.
enum ResetDoubt {
    static let words =
        "The reset may have happened all the same: look at the room's line in `sluice status`, which a reset raises, and "
        + "ask again if it is the old one. To ask twice does no harm but that those who came in between begin anew, too"
}

/// Names of rooms on the command line; the configuration's own rule.
enum RoomName {
    static func isPlausible(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                    UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    static func problem(_ text: String, of what: String = "room") -> String {
        "'\(text)' is no name of a \(what): 1 to 32 small letters, digits, - and _"
    }
}
