import DequeModule
import Primitives

/// Live sessions by number, and in the order in which they expire.
///
/// Sessions of one length expire in the order in which they were told: each time that one is told goes to the end of a
/// *run*, a queue of rising times, and what is not true any more by then is passed over when it comes up. A second run is
/// opened when sessions become shorter. So beginning, renewing and ending one cost the same however many there are. When
/// more than half of the entries are not true any more, those go.
struct SessionTable: Equatable, Sendable {
    private struct Session: Equatable {
        var micros: Int64
        /// Which entry of the runs is the true one.
        var serial: UInt32
    }

    private struct Due {
        var micros, number: Int64
        var serial: UInt32
    }

    private struct Run {
        var entries = Deque<Due>()
        /// So many at the beginning are not later than `counted`.
        var counted = 0
    }

    private var sessions = NumberTable<Session>()
    private var runs: [Run] = []
    /// In all runs.
    private var entries = 0
    private static let fewEntries = 1_024
    private var nextSerial: UInt32 = 0
    /// How many sessions expire up to which time: kept up to date from one question to the next, each of which is of a
    /// later time than the last.
    private var counted = (upTo: Int64.min, count: Int64(0))

    var count: Int64 { Int64(self.sessions.count) }

    func expiry(of number: Int64) -> Int64? { self.sessions[number]?.micros }

    /// All of them, for whoever looks at each.
    var expiries: [Int64: Int64] {
        Dictionary(uniqueKeysWithValues: self.sessions.all.map { ($0.number, $0.value.micros) })
    }

    mutating func set(_ number: Int64, expiresMicros: Int64) {
        let due = Due(micros: expiresMicros, number: number, serial: self.nextSerial)
        self.nextSerial &+= 1
        let former = self.sessions.set(Session(micros: expiresMicros, serial: due.serial), for: number)
        if let former { self.uncount(former.micros) }
        let run = self.run(for: expiresMicros)
        self.runs[run].entries.append(due)
        self.entries += 1
        if expiresMicros <= self.counted.upTo {
            self.counted.count += 1
            self.runs[run].counted += 1
        }
        if self.entries > 2 * self.sessions.count + Self.fewEntries { self.dropUntrue() }
    }

    private mutating func dropUntrue() {
        self.entries = 0
        for run in self.runs.indices {
            // Taken out, so that it is not copied.
            var entries = Deque<Due>()
            swap(&entries, &self.runs[run].entries)
            entries.removeAll { !self.isTrue($0) }
            self.entries += entries.count
            self.runs[run].counted = entries.prefix { $0.micros <= self.counted.upTo }.count
            swap(&entries, &self.runs[run].entries)
        }
    }

    /// Whether there was such a session.
    mutating func remove(_ number: Int64) -> Bool {
        guard let former = self.sessions.remove(number) else { return false }
        self.uncount(former.micros)
        return true
    }

    /// Ends every session whose expiry is at or before `nowMicros`, and tells which those were.
    mutating func expire(nowMicros: Int64) -> [(number: Int64, micros: Int64)] {
        var ended: [(Int64, Int64)] = []
        for run in self.runs.indices {
            while let due = self.runs[run].entries.first, due.micros <= nowMicros {
                self.runs[run].entries.removeFirst()
                self.entries -= 1
                self.runs[run].counted = max(0, self.runs[run].counted - 1)
                guard self.isTrue(due) else { continue }
                _ = self.remove(due.number)
                ended.append((due.number, due.micros))
            }
        }
        if self.runs.count > 1 { self.runs.removeAll { $0.entries.isEmpty } }
        return ended
    }

    /// How many expire after one time and not later than another. Costs as much as there are entries after the time of
    /// the last question.
    mutating func count(after startMicros: Int64, upTo limitMicros: Int64) -> Int64 {
        if limitMicros < self.counted.upTo {
            self.counted.count = 0
            for run in self.runs.indices { self.runs[run].counted = 0 }
        }
        self.counted.upTo = limitMicros
        var early: Int64 = 0
        for run in self.runs.indices {
            let entries = self.runs[run].entries
            var next = self.runs[run].counted
            while next < entries.count, entries[next].micros <= limitMicros {
                if self.isTrue(entries[next]) { self.counted.count += 1 }
                next += 1
            }
            self.runs[run].counted = next
            for due in entries {
                guard due.micros <= min(startMicros, limitMicros) else { break }
                if self.isTrue(due) { early += 1 }
            }
        }
        return self.counted.count - early
    }

    private func isTrue(_ due: Due) -> Bool { self.sessions[due.number]?.serial == due.serial }

    private mutating func uncount(_ micros: Int64) {
        if micros <= self.counted.upTo { self.counted.count -= 1 }
    }

    /// The one whose end lies closest before that time.
    private mutating func run(for micros: Int64) -> Int {
        var found: Int?
        for run in self.runs.indices {
            guard let last = self.runs[run].entries.last?.micros else { return run }
            guard last <= micros else { continue }
            if let best = found, self.runs[best].entries.last!.micros >= last { continue }
            found = run
        }
        if let found { return found }
        self.runs.append(Run())
        return self.runs.count - 1
    }

    /// The same sessions: how they are kept is of no matter.
    static func == (left: Self, right: Self) -> Bool { left.expiries == right.expiries }
}
