import Admission

/// What the request at hand says of whoever sends it: what its tokens are, or will be, bound to.
public struct TokenClaim: Equatable, Sendable {
    /// Which rule of binding is in force. Tokens that were bound by another one stay good until they are made anew.
    public let rule: UInt8
    /// The claim itself; nil when the request makes none: tokens made for it are bound to having none.
    public let value: [UInt8]?

    public init(rule: UInt8, value: [UInt8]?) {
        self.rule = rule
        self.value = value
    }
}

/// What is found about a text that claims to be a token.
public enum TokenCheck: Equatable, Sendable {
    /// Signed with one of the keys, and bound to this claim or to nothing that is asked for.
    case genuine(AdmissionToken)
    /// Signed with one of the keys, and bound to somebody else.
    case elsewhere(AdmissionToken)
    case forged
}

extension AdmissionToken {
    /// The high bit of the lane: the last four bytes tell what the token is bound to.
    static let boundFlag: UInt8 = 0x80

    public var isBound: Bool { self.lane & Self.boundFlag != 0 }
}
