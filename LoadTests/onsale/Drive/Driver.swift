import EventLoop
import Foundation
import Primitives
import Transport

/// Runs a drive on one loop, prints what came of it and ends the process. Keeps itself until then.
final class Driver {
    /// The kernel's figure is read so often until everybody waits.
    private static let mostWaitSeconds = 600

    private let plan: DrivePlan
    private let player: CrowdPlayer
    private var keeper: Driver?
    private var seconds = 0
    /// At the end of the first second, which does not count.
    private var before: (nanoseconds: Int64, at: Instant, counts: Counts)?
    private let residentBefore: Int

    init(_ plan: DrivePlan, target: Target, on loop: EventLoop, helpers: [EventLoop]) throws {
        self.plan = plan
        self.residentBefore = Self.residentBytes
        self.player = CrowdPlayer(
            try plan.crowd(),
            target: target,
            startedAt: MonotonicClock.now(),
            hasRoom: true,
            descriptorLimit: Machine.raiseDescriptorLimit(),
            reconnects: plan.reconnects,
            on: loop,
            helpers: helpers
        )
    }

    func start() {
        self.keeper = self
        self.player.onSecond = { [weak self] _ in self?.secondPassed() }
        self.player.start()
    }

    private func secondPassed() {
        self.seconds += 1
        let counts = self.player.timeline.total.counts
        if let waiting = self.plan.waiting {
            let isDone = self.player.gauges.waiting >= waiting && self.player.gauges.openConnections == 0
            guard isDone || counts.errors.total > 0 || self.seconds > Self.mostWaitSeconds else { return }
            return self.endWaiting(waiting, counts)
        }
        let now = (Machine.processorNanoseconds(), MonotonicClock.now(), counts)
        guard let before = self.before else { return self.before = now }
        guard self.seconds > self.plan.seconds else { return }
        let requests = counts.answered - before.counts.answered
        let seconds = Double(now.1.nanoseconds(since: before.at)) / 1e9
        let micros = Double(now.0 - before.nanoseconds) / 1e3 / Double(max(requests, 1))
        // With the first second, for whoever measures the whole process from outside.
        self.say("requests", Double(counts.answered))
        self.say("requests_per_second", Double(requests) / seconds)
        self.say("cpu_micros_per_request", micros)
        self.say("connections", Double(counts.connections - before.counts.connections))
        self.end(counts)
    }

    private func endWaiting(_ waiting: Int, _ counts: Counts) {
        let resident = Double(Self.residentBytes - self.residentBefore)
        let people = Double(max(self.player.gauges.waiting, 1))
        self.say("waiting", Double(self.player.gauges.waiting))
        self.say("seat_bytes_per_visitor", Double(MemoryLayout<Seat>.stride + SeatWheel.bytesPerSeat))
        self.say("plan_bytes_per_visitor", Double(MemoryLayout<Visitor>.stride))
        self.say("book_bytes_per_visitor", Double(MemoryLayout<Visit>.stride))
        self.say("look_bytes_per_visitor", Double(MemoryLayout<Look>.stride * counts.waitingPages) / people)
        self.say("resident_bytes_per_visitor", resident / people)
        self.end(counts)
    }

    private func end(_ counts: Counts) {
        if let lateness = Percentiles(self.player.timeline.total.lateness) {
            self.say("lateness_p99_micros", Double(lateness.p99) / 1e3)
        }
        self.say("errors", Double(counts.errors.total))
        for (kind, count) in counts.errors.met { printError("onsale: \(count) times: \(kind.rawValue)") }
        exit(counts.errors.total == 0 ? 0 : 1)
    }

    private func say(_ name: String, _ value: Double) {
        Output.standard.say("\(name) \(String(format: "%.3f", value))")
    }

    /// What the process holds in memory, by the kernel's account.
    static var residentBytes: Int {
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        let words = text.split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
