import Primitives

/// One visitor of the crowd, as planned before the run: when they come and what they are like.
///
/// A person with several tabs or devices is as many visitors, who follow each other in the crowd.
struct Visitor: Equatable, Sendable {
    enum RetryHabit: UInt8, CaseIterable, Sendable { case immediate, fixed, fullJitter }

    let index: Int
    /// Whose tab or device it is: the index of the person's first visitor.
    let person: Int
    /// Which class of the scenario, by its index among them.
    let group: Int
    /// From the start of the run.
    var arrivalNanoseconds: Int64
    /// How long they wait in line before they leave.
    let patienceNanoseconds: Int64
    /// Requests once let in, the first included.
    let requestCount: Int
    /// Takes a place and never asks again.
    let isNoShow: Bool
    /// Time between refreshes around the opening for those who do not wait as told; nil for the others.
    let eagerRefreshNanoseconds: Int64?
    /// Ends the visit on the page that frees the slot.
    let leavesByPage: Bool
    let retryHabit: RetryHabit
    /// Root of the draws that are made on the way (think times, jitter).
    let seed: UInt64
    /// Of which all the rest was drawn, but for the time of arrival.
    let root: UInt64

    init(
        index: Int,
        person: Int? = nil,
        group: Int = 0,
        arrivalNanoseconds: Int64,
        patienceNanoseconds: Int64,
        requestCount: Int,
        isNoShow: Bool,
        eagerRefreshNanoseconds: Int64?,
        leavesByPage: Bool,
        retryHabit: RetryHabit,
        seed: UInt64,
        root: UInt64 = 0
    ) {
        self.index = index
        self.person = person ?? index
        self.group = group
        self.arrivalNanoseconds = arrivalNanoseconds
        self.patienceNanoseconds = patienceNanoseconds
        self.requestCount = requestCount
        self.isNoShow = isNoShow
        self.eagerRefreshNanoseconds = eagerRefreshNanoseconds
        self.leavesByPage = leavesByPage
        self.retryHabit = retryHabit
        self.seed = seed
        self.root = root
    }

    var kept: KeptVisitor {
        KeptVisitor(
            root: self.root,
            index: UInt32(self.index),
            person: UInt32(self.person),
            group: UInt8(self.group)
        )
    }

    /// A generator for the `ordinal`th draw of this visitor: each think time is the same in every run, whatever
    /// happened before it.
    func generator(ordinal: Int) -> SplitMix64 {
        // The seeds go through the generator once: streams whose seeds differ by a multiple of its step would overlap.
        var root = SplitMix64(seed: self.seed ^ (UInt64(truncatingIfNeeded: ordinal) << 32))
        return SplitMix64(seed: root.next())
    }
}

/// What a visitor can be made from again by the crowd, in 17 bytes.
struct KeptVisitor: Equatable, Sendable {
    var root: UInt64
    var index: UInt32
    var person: UInt32
    var group: UInt8
}
