/// Whose writes wait in a loop's gathering scratch, to leave as one.
public protocol Gatherer: AnyObject {
    /// Sends what was gathered: somebody else needs the memory, and has it from now on.
    func sendGathered()
}

/// A loop's memory in which the writes of one stream at a time are gathered. Nothing stays in it beyond a turn.
public final class GatherScratch {
    public let memory: UnsafeMutableRawBufferPointer
    private var owner: (any Gatherer)?

    init(byteCount: Int) { self.memory = .allocate(byteCount: byteCount, alignment: 64) }

    deinit { self.memory.deallocate() }

    /// The one who has the memory now sends what is in it first.
    public func take(for gatherer: any Gatherer) {
        let loser = self.owner
        precondition(loser !== gatherer, "the memory was taken twice")
        self.owner = gatherer
        loser?.sendGathered()
    }

    public func giveBack(_ gatherer: any Gatherer) {
        precondition(self.owner === gatherer, "the memory was given back by somebody who does not have it")
        self.owner = nil
    }

    /// Bytes that were gathered and forgotten are a programming error. In release they leave now.
    func turnEnds() {
        guard let owner = self.owner else { return }
        assertionFailure("a stream was left corked at the end of a turn")
        self.owner = nil
        owner.sendGathered()
    }
}
