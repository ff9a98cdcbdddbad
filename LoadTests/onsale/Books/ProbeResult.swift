/// Tokens that are no good, and what came of showing them. The tool sends a few on purpose: a gateway that takes them
/// would look perfect otherwise.
enum ProbeKind: String, CaseIterable, Codable, Sendable {
    /// A genuine place with a character changed.
    case forgedPlace = "forged place"
    /// A genuine pass with a character changed.
    case forgedPass = "forged pass"
    /// The pass of somebody who is inside, shown from another address.
    case stolenPass = "stolen pass"
    /// The pass of somebody who has given the slot back.
    case usedPass = "used pass"
    /// The place of somebody who was let in by it and has given the slot back.
    case usedPlace = "used place"

    var isPass: Bool { self == .forgedPass || self == .stolenPass || self == .usedPass }
}

struct ProbeResult: Equatable, Sendable {
    var kind: ProbeKind
    var isLetIn: Bool
}
