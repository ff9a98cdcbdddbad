@testable import Admission

/// Computations over a journal that the promises are stated in.
struct JournalChecks {
    struct Admission: Equatable { var micros, number, doorWaitMicros: Int64 }

    private(set) var admissions: [Admission] = []
    private var limits: [(micros: Int64, rateMilli: Int64, burst: Int64)] = []

    init(_ journal: [JournalEntry]) {
        for entry in journal {
            switch entry {
            case .exchange(let micros, let grants):
                self.admissions += grants.map {
                    Admission(micros: micros, number: $0.number, doorWaitMicros: $0.doorWaitMicros)
                }
            case .limits(let micros, let rateMilli, let burst, _): self.limits.append((micros, rateMilli, burst))
            case .adopt, .regress, .reset: break
            }
        }
    }

    /// A window in which more were admitted than the largest burst and the integral of the rate allow; nil when there
    /// is none. Every window from one admission to another is looked at, both ends included.
    func overfullWindow() -> String? {
        for first in self.admissions.indices {
            if first > 0, self.admissions[first - 1].micros == self.admissions[first].micros { continue }
            let start = self.admissions[first].micros
            var allowance = Allowance(limits: self.limits, startMicros: start)
            for last in first..<self.admissions.count {
                let allowed = allowance.nanoTokens(upToMicros: self.admissions[last].micros)
                if Int64(last - first + 1) * RoomRules.nanoTokens > allowed {
                    return "\(last - first + 1) admissions from \(start) to \(self.admissions[last].micros), "
                        + "\(Double(allowed) / 1e9) allowed"
                }
            }
        }
        return nil
    }

    /// A visitor at the door while a higher place was admitted; nil when there is none.
    func inversion() -> String? {
        for (index, late) in self.admissions.enumerated() where late.doorWaitMicros > 0 {
            let since = late.micros - late.doorWaitMicros
            for early in self.admissions[..<index].reversed() {
                if early.micros <= since { break }
                if early.micros < late.micros, early.number > late.number { return "\(early) before \(late)" }
            }
        }
        return nil
    }

    var hasDuplicates: Bool { Set(self.admissions.map(\.number)).count != self.admissions.count }
}

/// What may be admitted from a start on: the largest burst in force so far plus the integral of the rate.
private struct Allowance {
    private let limits: [(micros: Int64, rateMilli: Int64, burst: Int64)]
    private var next: Int
    private var micros: Int64
    private var rateMilli: Int64 = 0
    private var burst: Int64 = 0
    private var integral: Int64 = 0

    init(limits: [(micros: Int64, rateMilli: Int64, burst: Int64)], startMicros: Int64) {
        self.limits = limits
        self.micros = startMicros
        self.next = limits.firstIndex { $0.micros >= startMicros } ?? limits.count
        if self.next > 0 {
            self.rateMilli = limits[self.next - 1].rateMilli
            self.burst = limits[self.next - 1].burst
        }
    }

    mutating func nanoTokens(upToMicros end: Int64) -> Int64 {
        while self.next < self.limits.count, self.limits[self.next].micros <= end {
            let change = self.limits[self.next]
            self.advance(to: change.micros)
            self.rateMilli = change.rateMilli
            self.burst = max(self.burst, change.burst)
            self.next += 1
        }
        self.advance(to: end)
        return self.burst * RoomRules.nanoTokens + self.integral
    }

    private mutating func advance(to micros: Int64) {
        self.integral += (micros - self.micros) * self.rateMilli
        self.micros = micros
    }
}
