/// Finds the visitors who were kept at the door while someone behind them was let in.
///
/// An inversion is a visitor kept at the door while a higher place is admitted more than one tick after the visitor
/// came to the door. Exact: every exchange is looked at.
struct InversionSearch {
    struct Inversion: Equatable, Sendable {
        /// The visitor who was passed by.
        var number: Int64
        /// The highest place that went before.
        var overtakenBy: Int64
        var doorWaitMicros: Int64
    }

    private(set) var inversions: [Inversion] = []
    private(set) var longestDoorWaitMicros: Int64 = 0

    /// `exchanges` in order of time.
    ///
    /// The highest number admitted since a moment is a suffix maximum: a stack of falling numbers answers it by
    /// bisection, so the whole search is n log n. Exchanges of the same moment do not overtake each other.
    init(_ exchanges: [AdmissionJournal.Exchange], tickMicros: Int64) {
        var falling: [AdmissionJournal.Exchange] = []
        var groupStart = 0
        while groupStart < exchanges.count {
            let micros = exchanges[groupStart].micros
            let groupEnd = exchanges[groupStart...].firstIndex { $0.micros != micros } ?? exchanges.count
            for exchange in exchanges[groupStart..<groupEnd] {
                self.longestDoorWaitMicros = max(self.longestDoorWaitMicros, exchange.doorWaitMicros)
                let cameMicros = micros - exchange.doorWaitMicros
                guard let highest = Self.highest(in: falling, laterThan: cameMicros + tickMicros),
                    highest > exchange.number
                else { continue }
                self.inversions.append(
                    Inversion(
                        number: exchange.number,
                        overtakenBy: highest,
                        doorWaitMicros: exchange.doorWaitMicros
                    )
                )
            }
            for exchange in exchanges[groupStart..<groupEnd] {
                while let last = falling.last, last.number <= exchange.number { falling.removeLast() }
                falling.append(exchange)
            }
            groupStart = groupEnd
        }
    }

    private static func highest(in falling: [AdmissionJournal.Exchange], laterThan micros: Int64) -> Int64? {
        var low = 0
        var high = falling.count
        while low < high {
            let middle = (low + high) / 2
            if falling[middle].micros > micros { high = middle } else { low = middle + 1 }
        }
        return low < falling.count ? falling[low].number : nil
    }
}
