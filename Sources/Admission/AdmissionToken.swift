import Primitives

/// The signed content of a visitor's cookie: a place in line, or the pass it was exchanged for.
///
/// On the wire: 32 bytes of payload (big-endian, below), then 16 bytes of MAC over them (HMAC-SHA256, cut to half),
/// all in 64 characters of base64url.
/// ```
/// 0 version  1 kind  2 keyID  3 lane  4 room  12 epoch  16 number  24 issued  28 expires
/// ```
public struct AdmissionToken: Equatable, Sendable {
    public enum Kind: UInt8, Sendable { case place = 1, pass = 2 }

    public static let version: UInt8 = 1
    public static let payloadBytes = 32
    public static let macBytes = 16
    public static let wireBytes = 48
    public static let textBytes = 64

    public var kind: Kind
    /// Which key signed it, so that keys can rotate.
    public var keyID: UInt8
    public var lane: UInt8
    public var epoch: UInt32
    /// `roomID(named:)`.
    public var room: UInt64
    /// 1 to `RoomRules.lastNumber`.
    public var number: Int64
    public var issuedSeconds: UInt32
    /// Seconds since 1970; dead from this second on.
    public var expiresSeconds: UInt32

    public init(
        kind: Kind,
        keyID: UInt8,
        lane: UInt8,
        room: UInt64,
        epoch: UInt32,
        number: Int64,
        issuedSeconds: UInt32,
        expiresSeconds: UInt32
    ) {
        self.kind = kind
        self.keyID = keyID
        self.lane = lane
        self.room = room
        self.epoch = epoch
        self.number = number
        self.issuedSeconds = issuedSeconds
        self.expiresSeconds = expiresSeconds
    }

    public static func roomID(named name: String) -> UInt64 { FNV1a.hash64(name.utf8) }

    public func isLive(atSeconds nowSeconds: UInt32) -> Bool { nowSeconds < self.expiresSeconds }

    /// Writes 32 bytes; `buffer` holds at least as many.
    public func writePayload(to buffer: UnsafeMutableRawBufferPointer) {
        precondition(buffer.count >= Self.payloadBytes, "the payload of a token takes 32 bytes")
        buffer[0] = Self.version
        buffer[1] = self.kind.rawValue
        buffer[2] = self.keyID
        buffer[3] = self.lane
        buffer.storeBytes(of: self.room.bigEndian, toByteOffset: 4, as: UInt64.self)
        buffer.storeBytes(of: self.epoch.bigEndian, toByteOffset: 12, as: UInt32.self)
        buffer.storeBytes(of: self.number.bigEndian, toByteOffset: 16, as: Int64.self)
        buffer.storeBytes(of: self.issuedSeconds.bigEndian, toByteOffset: 24, as: UInt32.self)
        buffer.storeBytes(of: self.expiresSeconds.bigEndian, toByteOffset: 28, as: UInt32.self)
    }

    /// nil when these 32 bytes are no token of this version. Trust it only after its MAC was found right.
    public init?(payload: UnsafeRawBufferPointer) {
        guard payload.count == Self.payloadBytes, payload[0] == Self.version, let kind = Kind(rawValue: payload[1])
        else { return nil }
        self.kind = kind
        self.keyID = payload[2]
        self.lane = payload[3]
        self.room = UInt64(bigEndian: payload.loadUnaligned(fromByteOffset: 4, as: UInt64.self))
        self.epoch = UInt32(bigEndian: payload.loadUnaligned(fromByteOffset: 12, as: UInt32.self))
        self.number = Int64(bigEndian: payload.loadUnaligned(fromByteOffset: 16, as: Int64.self))
        self.issuedSeconds = UInt32(bigEndian: payload.loadUnaligned(fromByteOffset: 24, as: UInt32.self))
        self.expiresSeconds = UInt32(bigEndian: payload.loadUnaligned(fromByteOffset: 28, as: UInt32.self))
        guard self.number >= 1, self.number <= RoomRules.lastNumber, self.expiresSeconds >= self.issuedSeconds
        else { return nil }
    }
}
