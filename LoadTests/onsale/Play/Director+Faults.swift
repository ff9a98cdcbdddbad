import EventLoop
import Foundation
import Glibc
import Primitives

/// The parts of a site, and what is done to them in a run.
extension Director {
    /// One process, or each part in one of its own.
    func startParts(_ site: SiteProcesses) throws {
        // The opening is announced when everything else is ready.
        let opensAt = Date(timeIntervalSinceNow: 3_600)
        guard site.isApart else {
            try self.writeConfiguration(self.plan.before, opensAt: opensAt)
            return try site.start(.site)
        }
        let state = URL(fileURLWithPath: site.path(of: .gateway)).deletingLastPathComponent()
            .appendingPathComponent("state/redis")
        try FileManager.default.createDirectory(
            at: state,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        try self.writeConfiguration(self.plan.before, opensAt: opensAt)
        try site.start(.redis)
        try site.start(.gateway)
        try site.start(.controller)
    }

    /// Limits are changed by `disturb`, with those of the plan; everything else by the fault player.
    func startFaults(_ player: CrowdPlayer) {
        guard !self.options.faults.isEmpty, let site = self.site else { return }
        let faults = FaultPlayer(self.options.faults, site, startedAt: player.startedAt, on: self.loop)
        faults.onDeed = { deed in
            self.printer.tell("  \(Format.clock(seconds: Int(deed.seconds))) fault: \(deed.words)")
            // Who dies takes others along, and who is started starts some.
            self.children.lookAround()
        }
        faults.onDeafGateway = { player.forgetProbes() }
        faults.onJoin = { Task { await self.joinGateway() } }
        self.faults = faults
        self.limitFaults = self.options.faults.faults.filter(\.changesLimits)[...]
        faults.start()
    }

    /// The plan's changes of limits are those of the faults, where any of these changes some.
    func tellChangedLimits() {
        guard let fault = self.limitFaults.popFirst() else { return }
        self.faults?.tell(fault.deed)
    }

    /// A second gateway on the same state, which visitors are sent to as soon as it is healthy.
    private func joinGateway() async {
        guard let site = self.site else { return }
        site.hasSecond = true
        do {
            try self.writeConfiguration(self.limits, opensAt: self.openingAt)
            try site.start(.secondGateway)
            try await self.wait("the second gateway's word that it listens") { site.isListening(.secondGateway) }
            let deadline = MonotonicClock.now().advanced(byNanoseconds: Int64(Self.patienceSeconds * 1e9))
            while MonotonicClock.now() < deadline {
                if case .success(let answer) = await self.ask(.secondGateway, "/healthz"), answer.status == 200 {
                    break
                }
                await self.sleep(nanoseconds: 50 * Nanoseconds.perMillisecond)
            }
            guard let address = site.address(of: .secondGateway) else { return }
            self.player?.forgetProbes()
            self.player?.join(address)
        } catch {
            self.printer.tell("  the second gateway could not join: \(error)")
        }
    }

    // MARK: What a person is told

    /// Before the run: what will be done, and what need not hold meanwhile.
    var announcedFaults: [RunReport.Fact] {
        self.options.faults.faults.map { fault in
            var words = fault.deed
            if let row = Excuses.row(of: fault.action) {
                let promises = row.promises.map { "\"\($0.words)\"" }.sorted().joined(separator: ", ")
                words += "; until \(Format.decimal(row.afterSeconds)) s after it, these need not hold: \(promises)"
            }
            return RunReport.Fact(name: "fault at \(Format.decimal(fault.seconds)) s", value: words)
        }
    }

    /// In the report: the same, and what was done.
    var faultFacts: [RunReport.Fact] {
        let deeds = (self.faults?.deeds ?? []).map { deed in
            RunReport.Fact(name: "done at \(Format.decimal(deed.seconds)) s", value: deed.words)
        }
        return self.announcedFaults + deeds
    }
}
