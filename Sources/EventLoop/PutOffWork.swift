/// Work that is put off to a later moment of a loop, in the order in which it came. Two arrays take turns, so that a
/// loop that puts off some in every turn takes nothing from the heap for the list of it.
struct PutOffWork {
    /// The storage of a longer batch is not kept.
    static let maxKept = 1_024

    private var waiting: [() -> Void] = []
    /// Empty; the storage of an earlier batch.
    private var spare: [() -> Void] = []

    var isEmpty: Bool { self.waiting.isEmpty }

    mutating func append(_ action: @escaping () -> Void) { self.waiting.append(action) }

    /// All that was put off until now, for `run`. What is put off from now on is in the next batch.
    mutating func take() -> [() -> Void] {
        if self.waiting.isEmpty { return [] }
        var batch = self.spare
        self.spare = []
        swap(&batch, &self.waiting)
        return batch
    }

    /// The storage of a batch that has been run, to be used again.
    mutating func giveBack(_ batch: consuming [() -> Void]) {
        precondition(batch.isEmpty, "work that was put off is given back and has not been run")
        if batch.capacity > 0, batch.capacity <= Self.maxKept { self.spare = batch }
    }

    /// Runs a batch and empties it; returns how many pieces there were. The list itself is not touched meanwhile: a
    /// piece may put off more, and so may what is let go with it.
    @discardableResult
    static func run(_ batch: inout [() -> Void]) -> Int {
        let count = batch.count
        guard count > 0 else { return 0 }
        for index in 0..<count { batch[index]() }
        batch.removeAll(keepingCapacity: true)
        return count
    }
}
