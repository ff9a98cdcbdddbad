import ArgumentParser
import Dispatch
import EventLoop
import Foundation
import HTTPService
import Transport

struct StatusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show rooms, pools and connections of a running Sluice.",
        discussion:
            "Asks the admin listener (`admin.listen` of the configuration). Ends with code 1 when it does not answer."
    )

    @Option(help: "The admin listener's address.")
    var admin = "127.0.0.1:9090"

    @Flag(help: "Print the JSON as it comes.")
    var json = false

    private static let timeoutNanoseconds: Int64 = 3_000_000_000

    func run() throws {
        let address: SocketAddress
        do {
            address = try SocketAddress(parsing: self.admin)
        } catch {
            throw ValidationError("\(error)")
        }
        let loop = try EventLoop(label: "sluice.status")
        let wantsJSON = self.json
        loop.submit { Self.ask(address, wantsJSON: wantsJSON, on: loop) }
        dispatchMain()
    }

    private static func ask(_ address: SocketAddress, wantsJSON: Bool, on loop: EventLoop) {
        HTTPProbe.get(address: address, path: "/status", on: loop, timeoutNanoseconds: Self.timeoutNanoseconds) {
            result in
            switch result {
            case .failure(let error):
                printError(
                    "nothing answers at \(address): \(error). Is Sluice running, and is --admin its `admin.listen`?"
                )
                Foundation.exit(1)
            case .success(let answer) where answer.status != 200:
                printError(
                    "\(address) answers with status \(answer.status); it does not look like Sluice's admin listener"
                )
                Foundation.exit(1)
            case .success(let answer):
                if wantsJSON {
                    print(String(decoding: answer.body, as: UTF8.self))
                } else {
                    print(Self.table(answer.body) ?? String(decoding: answer.body, as: UTF8.self), terminator: "")
                }
                Foundation.exit(0)
            }
        }
    }

    // MARK: The table

    private struct Status: Decodable {
        struct Room: Decodable {
            let name: String
            let open: Bool?
            let waiting, door, admitted, sessions, slots, rate_milli: Int?
        }
        struct Pool: Decodable {
            let name: String
            let ready, pending, draining, crashes: Int
            let desired: Int?
            let reason: String?
        }
        struct GatewayPool: Decodable {
            let name: String
            let ready_workers, in_flight, queued: Int
        }
        let process: String
        let connections: Int?
        let rooms: [Room]?
        let pools: [Pool]?
        let gateway_pools: [GatewayPool]?
    }

    private static func table(_ body: [UInt8]) -> String? {
        guard let status = try? JSONDecoder().decode(Status.self, from: Data(body)) else { return nil }
        var text = "\(status.process)"
        if let connections = status.connections { text += ", \(connections) connections" }
        text += "\n"
        if let rooms = status.rooms, !rooms.isEmpty {
            text += Self.columns(["room", "state", "waiting", "door", "admitted", "sessions", "rate/s"])
            for room in rooms {
                text += Self.columns([
                    room.name, room.open.map { $0 ? "open" : "closed" } ?? "unknown", Self.text(room.waiting),
                    Self.text(room.door), Self.text(room.admitted),
                    "\(Self.text(room.sessions))/\(Self.text(room.slots))",
                    room.rate_milli.map { String(format: "%.1f", Double($0) / 1_000) } ?? "-",
                ])
            }
        }
        if let pools = status.pools, !pools.isEmpty {
            text += Self.columns(["pool", "ready", "pending", "draining", "desired", "crashes", "reason"])
            for pool in pools {
                text += Self.columns([
                    pool.name, "\(pool.ready)", "\(pool.pending)", "\(pool.draining)", Self.text(pool.desired),
                    "\(pool.crashes)", pool.reason ?? "-",
                ])
            }
        } else if let pools = status.gateway_pools, !pools.isEmpty {
            text += Self.columns(["pool", "ready", "in flight", "queued"])
            for pool in pools {
                text += Self.columns([pool.name, "\(pool.ready_workers)", "\(pool.in_flight)", "\(pool.queued)"])
            }
        }
        return text
    }

    private static func text(_ value: Int?) -> String { value.map(String.init) ?? "-" }

    private static func columns(_ cells: [String]) -> String {
        cells.map { $0.padding(toLength: max(12, $0.count + 1), withPad: " ", startingAt: 0) }.joined() + "\n"
    }
}
