import Synchronization

/// What a part of a crowd hands to the loop that puts the parts together: how many have left, and closed seconds.
///
/// Touched by two loops. Limit: none on the seconds, but the other loop takes them out once a second.
final class PartBox: Sendable {
    private let left = Atomic<Int>(0)
    private let seconds = Mutex<[HeldSecond]>([])

    var leftCount: Int { self.left.load(ordering: .relaxed) }

    func oneLeft() { self.left.add(1, ordering: .relaxed) }

    func put(_ held: HeldSecond) { self.seconds.withLock { $0.append(held) } }

    func takeAll() -> [HeldSecond] {
        self.seconds.withLock { held in
            defer { held = [] }
            return held
        }
    }
}
