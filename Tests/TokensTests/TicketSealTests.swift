import Primitives
import Testing
import Tokens

@Suite struct TicketSealTests {
    private static func key(_ id: UInt8) -> SigningKey {
        SigningKey(id: id, secret: [UInt8](repeating: id, count: 32))
    }

    private let content = Secret((0..<200).map { UInt8($0) })

    @Test func sealed_byOneOfTheKeys_isOpenedAndSaysWhetherItIsTheFirst() throws {
        let sealed = TicketSeal(keys: [Self.key(1)]).seal(self.content)
        let same = try #require(TicketSeal(keys: [Self.key(1), Self.key(2)]).open(sealed))
        #expect(same.content == self.content && same.isByFirstKey)
        let later = try #require(TicketSeal(keys: [Self.key(2), Self.key(1)]).open(sealed))
        #expect(later.content == self.content && !later.isByFirstKey)
        #expect(TicketSeal(keys: [Self.key(3)]).open(sealed) == nil)
    }

    @Test func sealed_twice_looksDifferentAndShowsNothing() {
        let seal = TicketSeal(keys: [Self.key(1)])
        let sealed = seal.seal(self.content)
        #expect(sealed != seal.seal(self.content))
        let piece = Array(self.content.bytes[0..<8])
        #expect(!sealed.indices.dropLast(8).contains { Array(sealed[$0..<($0 + 8)]) == piece })
    }

    @Test func sealed_thenDamagedAnywhere_isNotOpened() {
        let seal = TicketSeal(keys: [Self.key(1)])
        let sealed = seal.seal(self.content)
        for place in sealed.indices {
            var damaged = sealed
            damaged[place] ^= 1
            #expect(seal.open(damaged) == nil, "byte \(place)")
        }
        for count in 0..<sealed.count { #expect(seal.open(Array(sealed.prefix(count))) == nil) }
    }
}
