import Admission
import Primitives
import Testing

@testable import Tokens

@Suite struct TokenSignerTests {
    private static let key = SigningKey(id: 1, secret: Array(0..<32))
    private static let token = AdmissionToken(
        kind: .pass,
        keyID: 1,
        lane: 0,
        room: AdmissionToken.roomID(named: "sale"),
        epoch: 3,
        number: 123_456_789,
        issuedSeconds: 1_800_000_000,
        expiresSeconds: 1_800_000_600
    )

    private func sign(_ token: AdmissionToken, _ keys: [SigningKey]) -> [UInt8] {
        var memory = [UInt8](repeating: 0, count: 100)
        let count = memory.withUnsafeMutableBytes { memory in
            var writer = ByteWriter(memory)
            TokenSigner(keys: keys).append(token, to: &writer)
            return writer.count
        }
        return Array(memory[..<count])
    }

    private func verify(_ text: [UInt8], _ keys: [SigningKey]) -> AdmissionToken? {
        text.withUnsafeBytes { TokenSigner(keys: keys).verify($0) }
    }

    @Test func verify_ownToken_givesItBack() {
        let text = self.sign(Self.token, [Self.key])
        #expect(text.count == AdmissionToken.textBytes)
        #expect(text.allSatisfy { ASCII.isToken($0) }, "a cookie holds it as it is")
        #expect(self.verify(text, [Self.key]) == Self.token)
    }

    /// One signer serves a loop for hours: nothing of one token may stay behind for the next.
    @Test(arguments: [5, 6] as [UInt64])
    func verify_manyTokensInTurn_givesEachBack(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let signer = TokenSigner(keys: [Self.key])
        var memory = [UInt8](repeating: 0, count: 64)
        for _ in 0..<500 {
            var token = Self.token
            token.kind = Bool.random(using: &random) ? .place : .pass
            token.number = Int64.random(in: 1...RoomRules.lastNumber, using: &random)
            token.epoch = UInt32.random(in: 0 ... .max, using: &random)
            let verified = memory.withUnsafeMutableBytes { memory in
                var writer = ByteWriter(memory)
                signer.append(token, to: &writer)
                return signer.verify(writer.written)
            }
            #expect(verified == token, "seed \(seed)")
        }
    }

    @Test func verify_anyCharacterChanged_isRefused() {
        let text = self.sign(Self.token, [Self.key])
        for index in text.indices {
            for other in [UInt8(ascii: "A"), UInt8(ascii: "z"), UInt8(ascii: "="), 0] where text[index] != other {
                var forged = text
                forged[index] = other
                #expect(self.verify(forged, [Self.key]) == nil, "character \(index)")
            }
        }
    }

    @Test func verify_otherLength_isRefused() {
        let text = self.sign(Self.token, [Self.key])
        for count in 0..<text.count { #expect(self.verify(Array(text[..<count]), [Self.key]) == nil) }
        #expect(self.verify(text + [UInt8(ascii: "A")], [Self.key]) == nil)
    }

    @Test func verify_otherSecretOrUnknownKey_isRefused() {
        let text = self.sign(Self.token, [Self.key])
        #expect(self.verify(text, [SigningKey(id: 1, secret: Array(1..<33))]) == nil)
        #expect(self.verify(text, [SigningKey(id: 2, secret: Self.key.secret)]) == nil)
    }

    @Test func verify_afterRotation_oldAndNewAreGood() {
        let fresh = SigningKey(id: 2, secret: Array(100..<140))
        let old = self.sign(Self.token, [Self.key])
        #expect(self.verify(old, [fresh, Self.key]) == Self.token)
        #expect(TokenSigner(keys: [fresh, Self.key]).signingKeyID == 2)
        var token = Self.token
        token.keyID = 2
        let new = self.sign(token, [fresh, Self.key])
        #expect(self.verify(new, [fresh]) == token)
        #expect(self.verify(new, [Self.key]) == nil)
        #expect(self.verify(old, [fresh]) == nil)
    }
}
