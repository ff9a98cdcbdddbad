/// Numbers that are not handed out one after the other: gaps, and blocks leased ahead to gateways.
extension RoomModel {
    // MARK: Gaps

    /// Numbers that were skipped. With too many gaps those that nobody looks at any more go, then the lowest below
    /// now-serving; at last neighbours become one: whoever has a place between is called with the gap.
    mutating func addGap(from: Int64, to: Int64) {
        guard from <= to else { return }
        var gaps = self.record.gaps
        gaps.insert(.init(from: from, to: to), at: gaps.firstIndex { $0.from > from } ?? gaps.count)
        var whole: [RoomRecord.Gap] = []
        for gap in gaps {
            if let last = whole.last, gap.from <= last.to + 1 {
                whole[whole.count - 1].to = max(last.to, gap.to)
            } else {
                whole.append(gap)
            }
        }
        if whole.count > RoomRules.maxGaps {
            let floor = min(self.record.floor, self.record.serving)
            whole.removeAll { $0.to <= floor }
        }
        if whole.count > RoomRules.maxGaps {
            if whole[0].to <= self.record.serving {
                whole.removeFirst()
            } else {
                let last = whole.removeLast()
                whole[whole.count - 1].to = last.to
            }
        }
        self.record.gaps = whole
    }

    /// Just after a loss whoever calls first may know less than others: gateways have this long to tell.
    var isWaitingForGateways: Bool { self.now < self.record.waitsUntil }

    /// Numbers up to `last` were handed out before the latest loss: the gap that it made begins behind them.
    mutating func narrowGaps(to last: Int64) {
        let base = self.record.regressed
        guard last > base else { return }
        var gaps: [RoomRecord.Gap] = []
        for gap in self.record.gaps {
            let isOneOfTwo = gap.from <= base
            guard gap.from <= last, last <= gap.to, gap.to > self.record.serving,
                !isOneOfTwo || self.record.gaps.count < RoomRules.maxGaps
            else {
                gaps.append(gap)
                continue
            }
            if isOneOfTwo { gaps.append(.init(from: gap.from, to: base)) }
            if last < gap.to { gaps.append(.init(from: last + 1, to: gap.to)) }
        }
        self.record.gaps = gaps
    }

    /// These numbers have holders after all, who are called by number. Where it is too late for that, or a gap would
    /// have to become two and there are too many, they are called with the gap.
    mutating func takeOutOfGaps(from: Int64, to: Int64) {
        let first = max(from, self.record.serving + 1)
        guard first <= to else { return }
        let hasRoom = self.record.gaps.count < RoomRules.maxGaps
        self.record.gaps = self.record.gaps.flatMap { gap -> [RoomRecord.Gap] in
            // Only one that encloses all of them becomes two.
            guard gap.from <= to, first <= gap.to, hasRoom || gap.from >= first || gap.to <= to else { return [gap] }
            let rest = [RoomRecord.Gap(from: gap.from, to: first - 1), RoomRecord.Gap(from: to + 1, to: gap.to)]
            return rest.filter { $0.from <= $0.to }
        }
    }

    /// Now-serving passes a gap that it has reached; just after a loss it waits there.
    mutating func skipGaps() {
        guard !self.isWaitingForGateways else { return }
        for gap in self.record.gaps where gap.from <= self.record.serving + 1 && gap.to > self.record.serving {
            self.record.serving = gap.to
        }
    }

    /// Places in `above + 1 ... upTo`, and how many of them arrived; gaps left out.
    func places(above: Int64, upTo: Int64) -> (count: Int64, arrived: Int64) {
        guard upTo > above else { return (0, 0) }
        var count = upTo - above
        var arrived = self.arrived.count(above: above, upTo: upTo)
        for gap in self.record.gaps {
            let from = max(gap.from, above + 1)
            let to = min(gap.to, upTo)
            guard from <= to else { continue }
            count -= to - from + 1
            arrived -= self.arrived.count(above: from - 1, upTo: to)
        }
        return (count, arrived)
    }

    /// Calls the next `count` places.
    mutating func advanceServing(by count: Int64) {
        var left = min(count, self.record.issued - self.record.serving)
        for gap in self.record.gaps where gap.to > self.record.serving {
            let step = min(left, max(0, gap.from - 1 - self.record.serving))
            self.record.serving += step
            left -= step
            guard gap.from <= self.record.serving + 1, !self.isWaitingForGateways else { return }
            self.record.serving = gap.to
        }
        self.record.serving += min(left, self.record.issued - self.record.serving)
    }

    // MARK: Blocks

    /// The first number of the next `count` that lie in no block.
    func behindBlocks(count: Int64) -> Int64 {
        var first = self.record.issued + 1
        for block in self.record.blocks where block.end >= first && block.start <= first + count - 1 {
            first = block.end + 1
        }
        return first
    }

    /// The line goes on at `first`: what lies before it in no block is a gap.
    mutating func jumpBlocks(to first: Int64) {
        var next = self.record.issued + 1
        for block in self.record.blocks where block.end >= next && block.start < first {
            self.addGap(from: next, to: block.start - 1)
            next = block.end + 1
        }
        self.addGap(from: next, to: first - 1)
        self.record.issued = first - 1
    }

    /// Takes in what a gateway did with its block, and leases it the next; nil: none.
    mutating func lease(_ report: BlockReport, gateway: String, isOfThisLine: Bool) -> ClosedRange<Int64>? {
        let issued = self.record.issued
        self.dropBlocks { [gateways] block in
            guard block.end <= issued else { return false }
            return gateways[block.gateway] == nil
                || block.gateway == gateway && !(isOfThisLine && block.start == report.start)
        }
        guard isOfThisLine else { return nil }
        self.takeIn(report, gateway: gateway)
        if report.size <= 0, report.used == 0 {
            self.dropBlocks { $0.gateway == gateway && $0.start == report.start }
        }
        guard report.size > 0 else {
            self.disown(gateway)
            return nil
        }
        if let block = self.leaseNext(size: report.size, gateway: gateway) { return block }
        self.passOrphans()
        return self.leaseNext(size: report.size, gateway: gateway)
    }

    /// The newest block of the gateway, which names itself anew with each start, while it is far enough ahead; else a
    /// new one.
    private mutating func leaseNext(size: Int64, gateway: String) -> ClosedRange<Int64>? {
        let own = self.record.blocks.filter { $0.gateway == gateway }
        let isFar = own.last.map { $0.start - self.record.issued >= RoomRules.blockNearest } ?? false
        if !isFar, own.count < 2, let block = self.leaseNew(size: size, gateway: gateway) { return block }
        return own.last.map { $0.start...$0.end }
    }

    /// Blocks are out of use. Those that the line has passed were skipped: at most a few of their numbers have a holder,
    /// who is called with the gap.
    private mutating func dropBlocks(where isGone: (RoomRecord.Block) -> Bool) {
        let gone = self.record.blocks.filter(isGone)
        self.record.blocks.removeAll(where: isGone)
        for block in gone where block.end <= self.record.issued { self.addGap(from: block.start, to: block.end) }
    }

    /// No block fits any more: the line goes on behind those of gateways that are forgotten.
    private mutating func passOrphans() {
        let gateways = self.gateways
        let last = self.record.blocks.last { gateways[$0.gateway] == nil }?.end ?? 0
        guard last > self.record.issued else { return }
        self.jumpBlocks(to: last + 1)
        self.dropBlocks { $0.end <= last && gateways[$0.gateway] == nil }
    }

    /// What a gateway held before it was started anew may have been handed out: it stays a block, of nobody.
    private mutating func disown(_ gateway: String) {
        for index in self.record.blocks.indices where self.record.blocks[index].gateway == gateway {
            self.record.blocks[index].gateway = "-"
        }
    }

    private mutating func takeIn(_ report: BlockReport, gateway: String) {
        guard
            let index = self.record.blocks.firstIndex(where: { $0.gateway == gateway && $0.start == report.start })
        else {
            // A loss that was noticed before this report came has made one gap of all that may have been handed out.
            return self.takeOutOfGaps(
                from: report.start,
                to: min(report.used, report.start + RoomRules.largestBlock - 1)
            )
        }
        let block = self.record.blocks[index]
        guard report.used > 0 else {
            // The gateway holds this one now; what it held before is out of use.
            self.dropBlocks { $0.gateway == gateway && $0.start < block.start }
            return
        }
        self.record.blocks.remove(at: index)
        if block.end > self.record.issued {
            if block.start > self.record.issued { self.jumpBlocks(to: block.start) }
            self.record.issued = block.end
        }
        self.addGap(from: max(block.start, min(block.end, report.used)) + 1, to: block.end)
    }

    private mutating func leaseNew(size: Int64, gateway: String) -> ClosedRange<Int64>? {
        let start = max(self.record.issued + RoomRules.blockLead, self.record.blocks.last?.end ?? 0) + 1
        let end = start + min(size, RoomRules.largestBlock) - 1
        guard self.record.blocks.count < RoomRules.maxBlocks, end <= self.record.issued + RoomRules.blockSpan,
            end <= RoomRules.lastNumber
        else { return nil }
        self.record.blocks.append(.init(start: start, end: end, gateway: gateway))
        return start...end
    }
}
