/// A key that places and passes are signed with. `id` travels in every token, so that keys rotate: the first of a list
/// signs, all of them verify.
public struct SigningKey: Sendable, Equatable {
    public let id: UInt8
    public let secret: [UInt8]

    public init(id: UInt8, secret: [UInt8]) {
        precondition(secret.count >= 32, "a signing key holds at least 32 bytes")
        self.id = id
        self.secret = secret
    }
}
