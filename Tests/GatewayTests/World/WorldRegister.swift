import Admission

/// Who holds which number, over all clients and gateways: nobody may get one that somebody else has.
final class WorldRegister {
    private var owners: [LineNumber: ObjectIdentifier] = [:]
    private struct LineNumber: Hashable {
        let epoch: UInt32
        let number: Int64
    }
    var count: Int { self.owners.count }
    /// Numbers beyond a gap: of a block that was set aside, or given out after a loss.
    var farAhead: Int { self.owners.keys.count { $0.number > 8_192 } }

    /// The content of a cookie; nil when it is none of a room.
    static func token(_ text: String) -> AdmissionToken? {
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount = 0
        for character in text.utf8 {
            guard let value = Self.alphabet.firstIndex(of: character) else { return nil }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
            }
        }
        guard bytes.count == AdmissionToken.wireBytes else { return nil }
        return bytes.withUnsafeBytes {
            AdmissionToken(payload: UnsafeRawBufferPointer(rebasing: $0[..<AdmissionToken.payloadBytes]))
        }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    /// What is wrong with that client's getting this; nil when nothing is.
    func take(_ token: AdmissionToken, of client: ObjectIdentifier) -> String? {
        let number = LineNumber(epoch: token.epoch, number: token.number)
        guard let owner = self.owners[number] else {
            self.owners[number] = client
            return nil
        }
        return owner == client ? nil : "number \(token.number) of line \(token.epoch) was given to two clients"
    }
}
