//! A machine that goes on over another link loses nothing and says nothing twice for long.

use super::{
    grant,
    world::{Place::*, World},
};

#[test]
fn moving_to_another_link_in_the_middle_of_a_transfer_loses_nothing_either_way() {
    for seed in 1..12 {
        let mut world = World::new(seed);
        if seed % 2 == 0 {
            world.close_slowly();
        }
        // Frames wait for the disk while the links change.
        world.slow_disk(District1, 7);
        world.slow_disk(Ward1, 5);
        world.run(20);
        let here: Vec<_> = (0..40).map(|_| world.create(Ward1)).collect();
        let there: Vec<_> = (0..40).map(|_| world.create(Ward2)).collect();
        let op = grant(&world, Ward1);
        for dossier in &there {
            world.edit(Ward2, *dossier, &[op]);
        }
        for _ in 0..6 {
            world.run(9);
            world.second_link(Ward1);
            let dossier = here[0];
            world.edit(Ward1, dossier, &[]);
        }
        world.settle();
        assert_eq!(world.links_up(Ward1), 1, "seed {seed}: older links are left");
        assert_eq!(world.faults(), Vec::<String>::new(), "seed {seed}");
        for dossier in &here {
            let changes = world.changes(Ward1, *dossier);
            assert_eq!(world.changes(City, *dossier), changes, "seed {seed}");
        }
        for dossier in &there {
            assert_eq!(world.changes(Ward1, *dossier), 2, "seed {seed}");
        }
        assert!(world.in_sync(Ward1), "seed {seed}");
    }
}
