/// One entry of a room's journal: with it, every admission and every limit can be checked afterwards.
public enum JournalEntry: Equatable, Sendable {
    /// One admitted place, and how long it stood at the door before.
    public struct Grant: Equatable, Sendable {
        public var number: Int64
        public var doorWaitMicros: Int64

        public init(number: Int64, doorWaitMicros: Int64) {
            self.number = number
            self.doorWaitMicros = doorWaitMicros
        }
    }

    /// The admissions of one batch, in ascending order of number.
    case exchange(micros: Int64, grants: [Grant])
    /// The limits in force from `micros` on.
    case limits(micros: Int64, rateMilli: Int64, burst: Int64, slots: Int64)

    /// Sessions that the shared state had forgotten, made anew from genuine passes.
    case adopt(micros: Int64, ids: [Int64])
    /// The shared state had lost something: the line went on behind `issued`, in that incarnation.
    case regress(micros: Int64, epoch: Int64, incarnation: Int64, issued: Int64)
    /// The line was ended by hand; the new one has that epoch.
    case reset(micros: Int64, epoch: Int64)

    public var micros: Int64 {
        switch self {
        case .exchange(let micros, _), .limits(let micros, _, _, _), .adopt(let micros, _),
            .regress(let micros, _, _, _), .reset(let micros, _):
            micros
        }
    }

    /// Names and values in turn, as they stand in the Redis stream.
    public var fields: [String] {
        switch self {
        case .exchange(let micros, let grants):
            let list = grants.map { "\($0.number):\($0.doorWaitMicros)" }.joined(separator: ",")
            return ["kind", "exchange", "t", String(micros), "g", list]
        case .limits(let micros, let rateMilli, let burst, let slots):
            return [
                "kind", "limits", "t", String(micros), "rate_milli", String(rateMilli), "burst", String(burst), "slots",
                String(slots),
            ]
        case .adopt(let micros, let ids):
            return ["kind", "adopt", "t", String(micros), "g", ids.map(String.init).joined(separator: ",")]
        case .regress(let micros, let epoch, let incarnation, let issued):
            return [
                "kind", "regress", "t", String(micros), "epoch", String(epoch), "incarnation", String(incarnation),
                "issued", String(issued),
            ]
        case .reset(let micros, let epoch):
            return ["kind", "reset", "t", String(micros), "epoch", String(epoch)]
        }
    }
}
