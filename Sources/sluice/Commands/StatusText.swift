import Foundation
import Reports

/// `/status` for people.
struct StatusText {
    private let status: StatusReport

    init?(_ json: [UInt8]) {
        guard let status = try? StatusReport(json: json) else { return nil }
        self.status = status
    }

    var text: String {
        var text = self.status.process
        if let gateway = self.status.gateway {
            text += ", \(gateway.connections) connections"
            if let mode = gateway.mode { text += ", \(mode)" }
        }
        text += "\n"
        for problem in self.status.problems { text += "! \(problem)\n" }
        for certificate in self.status.certificates {
            let names = certificate.names.isEmpty ? "no host" : certificate.names.joined(separator: ", ")
            text += "\(certificate.listener): \(certificate.file) for \(names), good until \(certificate.notAfter)\n"
        }
        if let rooms = self.status.gateway?.rooms, !rooms.isEmpty {
            text += Self.table(rooms) + Self.ages(rooms) + Self.records(rooms)
        }
        text += self.pools
        text += self.leadership
        for lease in self.status.controller?.leases ?? [] {
            let age = lease.ageMs.map { "renewed \(String(format: "%.1f", Double($0) / 1_000)) s ago" } ?? "never taken"
            text += "room \(lease.room): lent \(Self.perSecond(lease.rateMilli))/s by this controller, \(age)\n"
        }
        for export in self.status.controller?.exports ?? [] {
            let far = export.exportedTo.map { "entry \($0)" } ?? "nothing yet"
            let isHeld = export.problem == nil ? "" : " NOT"
            text += "room \(export.room): journal\(isHeld) exported to \(export.folder), as far as \(far), "
            text += "\(export.behind.map { "\($0)" } ?? "an unknown number") behind, \(export.lost) lost\n"
        }
        return text
    }

    private var leadership: String {
        guard let controller = self.status.controller else { return "" }
        guard let asOf = controller.leadsAsOf, let age = controller.leadsAgeMs else {
            return controller.leads ? "controller: leads\n" : ""
        }
        let stale = age >= Self.staleMs ? ", as of \(asOf), \(age / 1_000) s ago" : ""
        let role = controller.leads ? "leads" : "stands by" + (controller.leader.map { "; \($0) leads" } ?? "")
        return "controller: \(role)\(stale)\n"
    }

    private static func cost(of pool: ControllerStatus.Pool) -> String {
        guard let decision = pool.decision, let cost = decision.cost else { return "" }
        let used = "\(Int(cost.spentSeconds / 60)) of \(Int(cost.capSeconds / 60)) worker-minutes are used"
        if decision.reason == "cost_cap" {
            return "! pool \(pool.name): \(used): people wait longer; raise scaling.cost_cap to let in more\n"
        }
        let left = cost.bindsInSeconds.map { ", enough for \(Int($0 / 60)) min with the workers that it has" }
        return "pool \(pool.name): \(used)\(left ?? "")\n"
    }

    /// Nothing where the policy decides because nobody wants it otherwise.
    static func mode(_ pool: ControllerStatus.Pool) -> String {
        guard let mode = pool.mode, mode.name != "automatic" || mode.setBy != "configuration" else { return "" }
        let size = mode.workers.map { "\($0) workers" } ?? "workers are left to others"
        let advice = pool.decision.map { "; the policy would have \($0.desired) (\($0.reason))" } ?? ""
        return "pool \(pool.name): mode \(mode.name) by the \(mode.setBy)\(mode.until.map { " until \($0)" } ?? ""), "
            + size + (mode.name == "automatic" ? "" : advice) + "\n"
    }

    private var pools: String {
        var text = ""
        if let pools = self.status.controller?.shownPools, !pools.isEmpty {
            text += Self.columns(["pool", "ready", "pending", "draining", "desired", "crashes", "reason"])
            for pool in pools {
                text += Self.columns([
                    pool.name, "\(pool.ready)", "\(pool.pending)", "\(pool.draining)",
                    pool.decision.map { "\($0.desired)" } ?? "-", "\(pool.crashes)", pool.decision?.reason ?? "-",
                ])
            }
            for pool in pools { text += Self.mode(pool) }
        } else if let pools = self.status.gateway?.gatewayPools, !pools.isEmpty {
            text += Self.columns(["pool", "ready", "in flight", "queued", "tunnels"])
            for pool in pools {
                text += Self.columns([
                    pool.name, "\(pool.readyWorkers)", "\(pool.inFlight)", "\(pool.queued)",
                    pool.tunnels.map { "\($0)" } ?? "-",
                ])
            }
        }
        for pool in self.status.controller?.pools ?? [] { text += Self.cost(of: pool) }
        for pool in self.status.gateway?.gatewayPools ?? [] {
            for failing in pool.failing ?? [] {
                let end = failing.passedBy ? "gets no requests while there are others" : "still gets requests"
                text += "! pool \(pool.name): worker \(failing.worker) fails for \(failing.sinceMs / 1_000) s "
                text += "(\(failing.failure)\(failing.detail.map { ": \($0)" } ?? "")); it \(end)\n"
            }
        }
        if let gateways = self.status.controller?.gateways { text += "gateways that report: \(gateways)\n" }
        for silent in self.status.controller?.silentGateways ?? [] {
            text += "gateway \(silent.gateway): SILENT for \(silent.silentMs / 1_000) s, for the pools "
            text += "\(silent.pools.joined(separator: ", "))\n"
        }
        if let forgotten = self.status.controller?.forgottenGateways, forgotten > 0 {
            text += "gateways forgotten after a long silence: \(forgotten)\n"
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
            let isOpen = standing.open ? "open" : "closed"
            text += Self.columns([
                room.name, room.mode == "normal" ? isOpen : room.mode ?? isOpen, "\(standing.waiting)",
                "\(standing.door)", "\(standing.admitted)", "\(standing.sessions)/\(standing.slots)",
                standing.rateIsLapsed == true ? "lapsed" : Self.perSecond(standing.rateMilli),
            ])
        }
        return text
    }

    /// Rooms tick once a second at least: what is older stands still.
    private static let staleMs: Int64 = 3_000

    private static func ages(_ rooms: [GatewayStatus.Room]) -> String {
        rooms.compactMap { room in
            guard let asOf = room.asOf, let age = room.ageMs, age >= self.staleMs else { return nil }
            return "room \(room.name): these figures are as of \(asOf), \(age / 1_000) s ago: since then the shared "
                + "state has told nothing\n"
        }.joined()
    }

    /// What the shared state keeps of each room, and by whose settings.
    private static func records(_ rooms: [GatewayStatus.Room]) -> String {
        var text = ""
        for room in rooms {
            guard let record = room.standing?.record else { continue }
            text += "room \(room.name): generation \(record.generation.text)"
            if record.ignoredLimits > 0 { text += ", \(record.ignoredLimits) times a lower one was ignored" }
            text += "; line \(room.standing?.epoch ?? 0), incarnation \(record.incarnation)"
            if record.skipped > 0 { text += ", \(record.skipped) numbers skipped ahead" }
            if !record.olderLines.isEmpty { text += ", \(record.olderLines.count) older lines before it" }
            if record.lostSessions > 0 { text += ", \(record.lostSessions) lost sessions not back yet" }
            text += "; rate \(Self.lease(record)); journal \(record.journalEntries) entries kept"
            text += " (at most \(record.journalKeepEntries), \(Self.span(record.journalKeepSeconds)))"
            text += ", \(record.journalTrimmed) dropped\n"
        }
        return text
    }

    private static func lease(_ record: GatewayStatus.Record) -> String {
        guard let rate = record.allowedRateMilli else { return "as configured: no controller has bounded it" }
        let bound = "bounded to \(Self.perSecond(rate))/s"
        return record.allowedForMs > 0
            ? "\(bound), leased for \(record.allowedForMs) ms"
            : "at the fallback: the controller's lease (\(bound)) is over"
    }

    private static func span(_ seconds: Int64) -> String {
        switch seconds {
        case 172_800...: "\(seconds / 86_400) days"
        case 7_200...: "\(seconds / 3_600) hours"
        default: "\(seconds / 60) minutes"
        }
    }

    private static func perSecond(_ milli: Int64) -> String { String(format: "%.1f", Double(milli) / 1_000) }

    private static func columns(_ cells: [String]) -> String {
        cells.map { $0.padding(toLength: max(12, $0.count + 1), withPad: " ", startingAt: 0) }.joined() + "\n"
    }
}

extension ControllerStatus {
    /// Of one that stands by those of which workers are left to it.
    fileprivate var shownPools: [Pool] {
        self.pools.filter { self.leads || $0.ready + $0.pending + $0.draining > 0 }
    }
}
