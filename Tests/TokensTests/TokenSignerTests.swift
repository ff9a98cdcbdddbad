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

    private func sign(_ token: AdmissionToken, _ keys: [SigningKey], claim: TokenClaim? = nil) -> [UInt8] {
        var memory = [UInt8](repeating: 0, count: 100)
        let count = memory.withUnsafeMutableBytes { memory in
            var writer = ByteWriter(memory)
            TokenSigner(keys: keys).append(token, claim: claim, to: &writer)
            return writer.count
        }
        return Array(memory[..<count])
    }

    private func check(_ text: [UInt8], _ claim: TokenClaim?) -> TokenCheck {
        text.withUnsafeBytes { TokenSigner(keys: [Self.key]).check($0, claim: claim) }
    }

    private func verify(_ text: [UInt8], _ keys: [SigningKey]) -> AdmissionToken? {
        guard case .genuine(let token) = text.withUnsafeBytes({ TokenSigner(keys: keys).check($0) }) else { return nil }
        return token
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
                return signer.check(writer.written)
            }
            #expect(verified == .genuine(token), "seed \(seed)")
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

    // MARK: Bound tokens

    private static let home = TokenClaim(rule: 9, value: [10, 0, 0])
    private static let abroad = TokenClaim(rule: 9, value: [10, 0, 1])
    private static let nobody = TokenClaim(rule: 9, value: nil)
    private static let byLogin = TokenClaim(rule: 210, value: [10, 0, 0])

    @Test func check_boundToken_isGoodForItsClaimAlone() {
        let text = self.sign(Self.token, [Self.key], claim: Self.home)
        var bound = Self.token
        bound.lane = 0x80
        #expect(text.count == AdmissionToken.textBytes)
        #expect(self.check(text, Self.home) == .genuine(bound))
        #expect(self.check(text, Self.abroad) == .elsewhere(bound))
        #expect(self.check(text, Self.nobody) == .elsewhere(bound))
    }

    /// A change of the configuration takes nobody's place away.
    @Test func check_afterTheRuleChanged_oldTokensStayGood() {
        let bound = self.sign(Self.token, [Self.key], claim: Self.home)
        let free = self.sign(Self.token, [Self.key])
        for claim in [nil, Self.byLogin] {
            var found: AdmissionToken?
            if case .genuine(let token) = self.check(bound, claim) { found = token }
            #expect(found?.number == Self.token.number, "\(String(describing: claim))")
        }
        for claim in [nil, Self.home, Self.nobody, Self.byLogin] {
            #expect(self.check(free, claim) == .genuine(Self.token))
        }
    }

    /// Else whoever waits without the claim would get a pass that is good with anybody's.
    @Test func check_tokenOfNoClaim_isGoodWithoutOneAlone() {
        let text = self.sign(Self.token, [Self.key], claim: Self.nobody)
        var bound = Self.token
        bound.lane = 0x80
        #expect(self.check(text, Self.nobody) == .genuine(bound))
        for value in [[10, 0, 0], [], [2]] as [[UInt8]] {
            #expect(self.check(text, TokenClaim(rule: 9, value: value)) == .elsewhere(bound), "\(value)")
        }
        #expect(self.check(text, nil) == .genuine(bound))
        #expect(self.check(text, Self.byLogin) == .genuine(bound))
    }

    /// Nobody gets rid of the binding: neither of the flag nor of the rule, nor by an empty claim.
    @Test func check_boundToken_anyBitChanged_isNeverGoodElsewhere() throws {
        let text = self.sign(Self.token, [Self.key], claim: Self.home)
        let empty = TokenClaim(rule: 9, value: [])
        var bytes = [UInt8](repeating: 0, count: 48)
        #expect(
            text.withUnsafeBytes { text in bytes.withUnsafeMutableBytes { Base64URL.decode64(from: text, to: $0) } }
        )
        for bit in 0..<(48 * 8) {
            var changed = bytes
            changed[bit / 8] ^= 1 << (bit % 8)
            let forged = self.encoded(changed)
            for claim in [Self.abroad, Self.nobody, Self.byLogin, empty] {
                let found = self.check(forged, claim)
                // The tag alone is not signed: changed, it is the tag of nobody.
                let isTag = bit / 8 >= 44
                if !isTag { #expect(found == .forged, "bit \(bit)") }
                if isTag, claim.rule == Self.home.rule {
                    var token = Self.token
                    token.lane = 0x80
                    #expect(found == .elsewhere(token), "bit \(bit)")
                }
            }
        }
        // The first bytes of the MAC are known: they must not be the tag of a claim that says nothing.
        var copied = bytes
        copied.replaceSubrange(44..<48, with: bytes[32..<36])
        guard case .elsewhere = self.check(self.encoded(copied), empty) else {
            Issue.record("an empty claim is the MAC's own beginning")
            return
        }
    }

    private func encoded(_ bytes: [UInt8]) -> [UInt8] {
        var text = [UInt8](repeating: 0, count: 64)
        bytes.withUnsafeBytes { bytes in text.withUnsafeMutableBytes { Base64URL.encode48(from: bytes, to: $0) } }
        return text
    }
}
