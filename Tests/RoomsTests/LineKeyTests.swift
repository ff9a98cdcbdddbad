import Admission
import Testing

@testable import Rooms

/// Ids and keys, over all epochs that a token can carry.
@Suite struct LineKeyTests {
    @Test(arguments: [1, 1_700_000_000, 1 << 31, Int64(UInt32.max)])
    func id_andBack_isTheSame(epoch: Int64) throws {
        for number in [1, RoomRules.lastNumber] {
            let key = LineKey(epoch: UInt32(epoch), number: number)
            #expect(LineKey(id: key.id(inEpoch: epoch), inEpoch: epoch) == key)
        }
        let older = LineKey(id: 5 - (1 << 32), inEpoch: epoch)
        #expect(older == LineKey(epoch: UInt32(epoch - 1), number: 5))
    }

    @Test func id_ofNoLine_isNoKey() {
        #expect(LineKey(id: -(1 << 40), inEpoch: 3) == nil && LineKey(id: 0, inEpoch: 3) == nil)
        #expect(LineKey(id: 1 << 33, inEpoch: Int64(UInt32.max)) == nil && LineKey(id: 1, inEpoch: 1 << 32) == nil)
    }
}
