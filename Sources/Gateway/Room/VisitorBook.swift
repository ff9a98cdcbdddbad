import Synchronization

/// How much each visitor of a room uses of a gateway at once, over all its loops.
final class VisitorBook: Sendable {
    /// A number that was counted once, to be given back once.
    typealias Seat = Int64

    /// Requests under way, and connections that carry the pass, by number.
    let requests = SeatCounts()
    let connections = SeatCounts()
}

/// Counts by number, for as long as they are not zero. Cut into stripes, each with a lock of its own and a list that is
/// short: what is under way at once, divided by the stripes. Consecutive numbers lie in different stripes.
final class SeatCounts: Sendable {
    private static let stripes = 1_024

    private struct Entry {
        let number: Int64
        var count: Int
    }
    /// Padding is not worth its memory: a lock is held for nanoseconds.
    private final class Stripe: Sendable {
        let entries = Mutex<[Entry]>([])
    }
    private let all: [Stripe] = (0..<SeatCounts.stripes).map { _ in Stripe() }

    private func stripe(of number: Int64) -> Stripe {
        self.all[Int(truncatingIfNeeded: number & Int64(Self.stripes - 1))]
    }

    /// False when `limit` are counted already. Each success is given back once.
    func take(_ number: Int64, limit: Int) -> Bool {
        self.stripe(of: number).entries.withLock { entries in
            guard let index = entries.firstIndex(where: { $0.number == number }) else {
                guard limit > 0 else { return false }
                entries.append(Entry(number: number, count: 1))
                return true
            }
            guard entries[index].count < limit else { return false }
            entries[index].count += 1
            return true
        }
    }

    func leave(_ number: Int64) {
        self.stripe(of: number).entries.withLock { entries in
            guard let index = entries.firstIndex(where: { $0.number == number }) else {
                preconditionFailure("more was given back than was taken")
            }
            entries[index].count -= 1
            guard entries[index].count == 0 else { return }
            entries.swapAt(index, entries.count - 1)
            entries.removeLast()
        }
    }

    func count(of number: Int64) -> Int {
        self.stripe(of: number).entries.withLock { entries in entries.first { $0.number == number }?.count ?? 0 }
    }

    /// Numbers that are counted now: none is kept that is not in use.
    var numbers: Int { self.all.reduce(0) { sum, stripe in sum + stripe.entries.withLock { $0.count } } }
}
