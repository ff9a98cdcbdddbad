/// How many connections a crowd may have on one loop, and has.
struct ConnectionBudget {
    /// Descriptors that are left to everything but the visitors.
    static let reservedDescriptors = 200

    let most: Int
    var open = 0
    /// Connections whose request waits for an answer for longer than a site that keeps up takes, as of the last second.
    var heldBack = 0

    var mayOpen: Bool { self.open < self.most }
    /// Kept connections are given up from here on, so that people who want to ask find a descriptor.
    var isShort: Bool { self.open * 4 > self.most * 3 }
    /// Most connections wait for answers that do not come: it is the site that uses them up, not the tool's plan.
    var reasonForNone: ErrorKind { self.heldBack * 2 > self.open ? .crowdedOut : .toolLimit }
}
