import ArgumentParser
import Dispatch
import EventLoop
import Foundation
import HTTPService
import Reports
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

    private static func table(_ body: [UInt8]) -> String? {
        guard let status = try? StatusReport(json: body) else { return nil }
        var text = status.process
        if let gateway = status.gateway { text += ", \(gateway.connections) connections" }
        text += "\n"
        if let rooms = status.gateway?.rooms, !rooms.isEmpty { text += Self.table(rooms) }
        if let pools = status.controller?.pools, !pools.isEmpty {
            text += Self.columns(["pool", "ready", "pending", "draining", "desired", "crashes", "reason"])
            for pool in pools {
                text += Self.columns([
                    pool.name, "\(pool.ready)", "\(pool.pending)", "\(pool.draining)",
                    pool.decision.map { "\($0.desired)" } ?? "-", "\(pool.crashes)", pool.decision?.reason ?? "-",
                ])
            }
        } else if let pools = status.gateway?.gatewayPools, !pools.isEmpty {
            text += Self.columns(["pool", "ready", "in flight", "queued"])
            for pool in pools {
                text += Self.columns([pool.name, "\(pool.readyWorkers)", "\(pool.inFlight)", "\(pool.queued)"])
            }
        }
        return text
    }

    private static func table(_ rooms: [GatewayStatus.Room]) -> String {
        var text = Self.columns(["room", "state", "waiting", "door", "admitted", "sessions", "rate/s"])
        for room in rooms {
            guard let standing = room.standing else {
                text += Self.columns([room.name, "unknown", "-", "-", "-", "-/-", "-"])
                continue
            }
            text += Self.columns([
                room.name, standing.open ? "open" : "closed", "\(standing.waiting)", "\(standing.door)",
                "\(standing.admitted)", "\(standing.sessions)/\(standing.slots)",
                String(format: "%.1f", Double(standing.rateMilli) / 1_000),
            ])
        }
        return text
    }

    private static func columns(_ cells: [String]) -> String {
        cells.map { $0.padding(toLength: max(12, $0.count + 1), withPad: " ", startingAt: 0) }.joined() + "\n"
    }
}
