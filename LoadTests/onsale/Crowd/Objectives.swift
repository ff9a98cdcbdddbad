import Primitives

/// What a run must reach for its verdict to be good, and what is taken for the way of a request and its answer.
struct Objectives: Codable, Equatable, Sendable {
    /// How slow answers may be: at the 99th percentile of the run, and of its worst second.
    struct Slowness: Codable, Equatable, Sendable {
        var p99Nanoseconds: Int64
        var worstSecondNanoseconds: Int64
    }

    /// For answers to admitted visitors, counted from the moment each request was due.
    var inside = Slowness(p99Nanoseconds: 250_000_000, worstSecondNanoseconds: 1_000_000_000)
    /// For waiting pages.
    var line = Slowness(p99Nanoseconds: 250_000_000, worstSecondNanoseconds: 1_000_000_000)
    /// For answers by which visitors get in: the called may stand at the door for as long as they were called ahead, and
    /// longer where slots have to come free.
    var door = Slowness(p99Nanoseconds: 6_000_000_000, worstSecondNanoseconds: 9_000_000_000)
    /// From the write of the changed config to the first admission decision under it.
    var reloadNanoseconds: Int64 = 1_000_000_000
    /// How late the load tool itself may be before its figures count for nothing: what is judged by when people ask allows
    /// for some hundred milliseconds. Times of answers are judged more strictly: see `Judge.inDoubt`.
    var tool = Slowness(p99Nanoseconds: 100_000_000, worstSecondNanoseconds: 500_000_000)
    /// The gateway's tick, and the way there: keeping order closer than this is not promised.
    var slackMicros: Int64 = 250_000
    /// Who is let in hears of it within this time, or as soon as others at that moment hear of anything; what is later is
    /// a matter of latency.
    var answerMicros: Int64 = 500_000
    /// Before the opening nobody is in, but for the resolution of the time that was written.
    var openingMicros: Int64 = 5_000
    /// So soon after it somebody is in, where workers are there already: by then a gateway has looked at the time, and
    /// the first in line has asked again as told.
    static let openedMicros: Int64 = 3_000_000
    /// Lengths of the windows over which inflow must stay below burst + rate x window.
    var windowSeconds: [Int] = [1, 5, 30]
    /// Of what is due within windows of a length, the share that must be let in while people wait and slots are free.
    var leastShares: [LeastShare] = [LeastShare(seconds: 5, share: 0.7), LeastShare(seconds: 20, share: 0.9)]
    /// Of the ranges told to visitors, the share that must hold in every tenth of the waits.
    var estimateShare = 0.7
    /// Of those who wait, the share that must be told a range at all.
    var estimatesToldShare = 0.5

    struct LeastShare: Codable, Equatable, Sendable {
        var seconds: Int
        var share: Double
    }
}
